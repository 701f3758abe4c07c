"""The words that users search for: each wrong use raises PyTorch's exception type with PyTorch's key words."""

import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.usefixtures("on_each_device")


def test_integer_tensor_with_requires_grad():
    with pytest.raises(RuntimeError, match=r"(?i)only Tensors of floating point.* dtype can require gradients"):
        torch.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"(?i)only Tensors of floating point.* dtype can require gradients"):
        torch.tensor([1, 2]).requires_grad_()


def test_backward_on_a_vector():
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"grad can be implicitly created only for scalar outputs"):
        (x * 2).backward()


def test_backward_without_a_graph():
    message = "element 0 of tensors does not require grad and does not have a grad_fn"
    with pytest.raises(RuntimeError, match=message):
        torch.ones(()).backward()
    with pytest.raises(RuntimeError, match=message):
        torch.autograd.grad(torch.ones(()), torch.ones((), requires_grad=True))


def test_wrong_gradient_shape():
    x = torch.ones(3, requires_grad=True)
    message = (
        r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size\(\[2\]\) "
        r"and output\[0\] has a shape of torch.Size\(\[3\]\)"
    )
    with pytest.raises(RuntimeError, match=message):
        (x * 2).backward(torch.ones(2))


def test_gradient_of_a_scalar_must_be_a_scalar_even_for_shape_one():
    x = torch.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape"):
        (x * 2).backward(torch.tensor(1.0))


def test_leaf_written_in_place():
    x = torch.ones(3, requires_grad=True)
    message = "a leaf Variable that requires grad is being used in an in-place operation."
    with pytest.raises(RuntimeError, match=message):
        x.add_(1)
    with pytest.raises(RuntimeError, match=message):
        x += 1
    message = "a view of a leaf Variable that requires grad is being used in an in-place operation."
    with pytest.raises(RuntimeError, match=message):
        x[0] = 1
    with pytest.raises(RuntimeError, match=message):
        x.view(3, 1).add_(1)
    assert x.tolist() == [1, 1, 1]


def test_saved_value_changed():
    x = torch.ones(2, 3, requires_grad=True)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    message = str(caught.value)
    assert "one of the variables needed for gradient computation has been modified by an inplace operation" in message
    assert "[2, 3]" in message
    assert "is at version 1; expected version 0 instead" in message


@pytest.mark.ours
def test_saved_value_changed_says_where_it_was_saved_and_changed():
    x = torch.ones(2, 3, requires_grad=True)
    y = x.exp()  # the save
    y.add_(1)  # the change
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    with open(__file__) as source:
        lines = {text.split("# ")[-1].strip(): number for number, text in enumerate(source, 1) if "# the " in text}
    assert f"{__file__}:{lines['the save']}" in str(caught.value)
    assert f"{__file__}:{lines['the change']}" in str(caught.value)


def test_second_backward():
    x = torch.ones(3, requires_grad=True)
    y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"Trying to backward through the graph a second time") as caught:
        y.backward()
    assert "Specify retain_graph=True" in str(caught.value)


@pytest.mark.ours
def test_second_backward_says_where_the_first_was():
    x = torch.ones(3, requires_grad=True)
    y = x.exp().sum()
    y.backward()  # the first
    with open(__file__) as source:
        first = next(number for number, text in enumerate(source, 1) if text.endswith("# the first\n"))
    with pytest.raises(RuntimeError) as caught:
        y.backward()
    assert f"{__file__}:{first}" in str(caught.value)


def test_numpy_with_grad():
    x = torch.ones(3, requires_grad=True)
    message = r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach\(\).numpy\(\) instead."
    with pytest.raises(RuntimeError, match=message):
        x.numpy()


def test_numpy_from_the_gpu(device):
    x = torch.ones(3)
    if device == "cpu":
        assert x.numpy().tolist() == [1, 1, 1]
    else:
        with pytest.raises(TypeError, match=r"can't convert cuda:0 device type tensor to numpy.*\.cpu\(\)"):
            x.numpy()


def test_flag_on_a_non_leaf():
    y = torch.ones(3, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match=r"you can only change requires_grad flags of leaf variables."):
        y.requires_grad_(False)


def test_bool_of_many():
    with pytest.raises(RuntimeError, match=r"Boolean value of Tensor with more than one value is ambiguous"):
        bool(torch.ones(2))


def test_bool_of_none():
    with pytest.raises(RuntimeError, match=r"Boolean value of Tensor with no values is ambiguous"):
        bool(torch.ones(0))


def test_item_of_many():
    with pytest.raises(RuntimeError, match=r"a Tensor with 2 elements cannot be converted to Scalar"):
        torch.ones(2).item()


def test_shapes_do_not_broadcast():
    message = r"The size of tensor a \(2\) must match the size of tensor b \(3\) at non-singleton dimension 0"
    with pytest.raises(RuntimeError, match=message):
        torch.ones(2) + torch.ones(3)


def test_matrix_shapes():
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_matrices_of_two_dtypes():
    with pytest.raises(RuntimeError, match=r"expected m1 and m2 to have the same dtype"):
        torch.ones(2, 3) @ torch.ones(3, 2, dtype=torch.float64)


def test_inference_tensor_saved():
    with torch.inference_mode():
        frozen = torch.ones(3)
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Inference tensors cannot be saved for backward."):
        w * frozen


def test_inference_tensor_changed_in_place_outside():
    with torch.inference_mode():
        frozen = torch.ones(3)
    with pytest.raises(RuntimeError, match=r"Inplace update to inference tensor outside InferenceMode is not allowed"):
        frozen.add_(1)


def test_anomaly_names_the_function_and_the_output():
    x = torch.tensor([-1.0], requires_grad=True)
    with pytest.warns(UserWarning), torch.autograd.detect_anomaly():
        y = torch.sqrt(x)
        with pytest.raises(RuntimeError, match=r"Function 'SqrtBackward0' returned nan values in its 0th output."):
            y.backward()


def test_unused_input():
    x, unused = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Set allow_unused=True"):
        torch.autograd.grad(x.sum(), [x, unused])


def test_view_of_a_wrong_size():
    with pytest.raises(RuntimeError, match=r"shape '\[4\]' is invalid for input of size 6"):
        torch.ones(6).view(4)


def test_view_of_incompatible_strides():
    with pytest.raises(RuntimeError, match=r"view size is not compatible.*[Uu]se \.reshape"):
        torch.ones(2, 3).t().view(6)


def test_dimension_out_of_range():
    message = r"Dimension out of range \(expected to be in range of \[-2, 1\], but got 2\)"
    with pytest.raises(IndexError, match=message):
        torch.ones(2, 3).sum(2)
    with pytest.raises(IndexError, match=message):
        torch.ones(2, 3).softmax(2)


def test_index_out_of_range():
    with pytest.raises(IndexError, match=r"index 2 is out of bounds for dimension 0 with size 2"):
        torch.ones(2)[2]


def test_too_many_indices():
    with pytest.raises(IndexError, match=r"too many indices for tensor of dimension 1"):
        torch.ones(2)[0, 0]


def test_mean_of_integers():
    with pytest.raises(RuntimeError, match=r"mean\(\): could not infer output dtype|mean\(\): input dtype should be"):
        torch.tensor([1, 2]).mean()


def test_cat_of_nothing():
    with pytest.raises(ValueError, match=r"expected a non-empty list of Tensors"):
        torch.cat([])


def test_cat_of_different_sizes():
    with pytest.raises(RuntimeError, match=r"Sizes of tensors must match except in dimension 0"):
        torch.cat([torch.ones(2, 3), torch.ones(2, 4)])


def test_gradient_assigned_with_a_wrong_shape_dtype_or_type():
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"assign a gradient of size '\[2\]' to a tensor of size '\[3\]'"):
        x.grad = torch.ones(2)
    with pytest.raises(RuntimeError, match=r"assign a gradient with dtype"):
        x.grad = torch.ones(3, dtype=torch.float64)
    with pytest.raises(TypeError, match=r"assigned grad expected to be a Tensor or None"):
        x.grad = 1


@pytest.mark.ours
def test_tensors_on_two_devices_name_both_and_the_way_out():
    here, there = torch.ones(3, 3, device="cpu"), torch.ones(3, 3, device="cuda")
    for mix in (lambda: here + there, lambda: there @ here, lambda: torch.cat([here, there])):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device") as caught:
            mix()
        for words in ("cpu", "cuda:0", ".to("):
            assert words in str(caught.value)


@pytest.mark.ours
def test_a_gpu_that_is_not_this_processs():
    with pytest.raises(RuntimeError, match=r"cuda:3: .* invalid device ordinal 3.*CUDA_VISIBLE_DEVICES=3"):
        torch.ones(1, device="cuda:3")
    assert str(torch.ones(1, device="cuda").device) == "cuda:0"


def test_of_several_dimensions_that_do_not_fit_the_last_is_named():
    with pytest.raises(RuntimeError, match=r"tensor a \(3\) must match .* tensor b \(2\) at non-singleton dimension 1"):
        torch.ones(2, 3) + torch.ones(3, 2)


def test_a_warning_is_of_the_users_line():
    calls = [
        lambda: torch.nn.functional.mse_loss(torch.zeros(2), torch.zeros(1)),
        lambda: torch.nn.functional.kl_div(torch.zeros(2), torch.zeros(2)),
        lambda: torch.add(torch.zeros(2), 1, out=torch.zeros(3)),
    ]
    for call in calls:
        with pytest.warns(UserWarning) as caught:
            call()
        assert caught[0].filename == __file__
