"""The calls of test_data_calls.py, by subject; then those on which the two part, with the reason."""

SECTIONS = {}

SECTIONS["lists and arrays as tensors"] = """\
torch.ones(2) + np.ones(2)
np.ones(2) + torch.ones(2)
torch.ones(2) * np.ones(2)
torch.ones(2) - np.ones(2, np.float32)
torch.ones(2) / np.array([1,2])
torch.ones(2) ** np.array([1.,2])
torch.ones(2) // np.array([1.,2])
torch.ones(2) % np.array([1.,2])
torch.ones(2) == np.ones(2)
torch.ones(2) < np.ones(2)
np.ones(2) < torch.ones(2)
np.ones(2) == torch.ones(2)
torch.ones(2, 2) @ np.ones((2,2), np.float32)
np.ones((2,2), np.float32) @ torch.ones(2, 2)
torch.tensor([1,2]) & np.array([1,3])
np.array([1,3]) & torch.tensor([1,2])
torch.tensor([1,2]) << np.array([1,3])
x = torch.ones(2);; x += np.ones(2);; x
x = torch.ones(2);; x *= np.array([2,3]);; x
x = torch.ones(2);; x /= np.array(2.);; x
torch.ones(2) + np.float64(2)
np.float64(2) + torch.ones(2)
np.float32(2) * torch.ones(2)
np.int64(2) ** torch.ones(2)
torch.ones(2) + [1,2]
torch.ones(2) + 'a'
torch.ones(2) == [1,1]
torch.ones(2) == None
torch.ones(2) == 'a'
torch.ones(2) < 'a'
torch.ones(2) + None
[1,2] + torch.ones(2)
torch.ones(2) + (1, 2)
np.array(3) + torch.tensor([1,2])
torch.tensor([1,2]) + np.array(3.)
torch.add(torch.ones(2), np.ones(2))
torch.ones(2).add(np.ones(2))
torch.ones(2).eq(np.ones(2))
torch.tensor([np.array([1e300])])
torch.tensor([np.float32(1), np.float32(2)])
torch.tensor([np.float64(1), np.float64(2)])
torch.tensor([np.float64(1e300), 2])
torch.tensor([np.float16(1), 2])
torch.tensor([2, np.float16(1)])
torch.tensor([np.int32(1), np.int32(2)])
torch.tensor([np.int32(1)])
torch.tensor([np.array([1], np.int8)])
torch.tensor([np.array([1], np.uint8), np.array([2], np.uint8)])
torch.tensor([np.bool_(True), np.bool_(False)])
torch.tensor([True, 2])
torch.tensor([True, 2.5])
torch.tensor([torch.tensor([1.]), torch.tensor([2.])])
torch.tensor([torch.tensor(1.), torch.tensor(2.)])
torch.tensor([torch.tensor([1, 2]), torch.tensor([2, 3])])
torch.tensor([torch.tensor(1., dtype=torch.float64), 2.])
torch.tensor([[torch.tensor(1., dtype=torch.float16), 2.]])
torch.tensor([torch.tensor(1, dtype=torch.int32), 2])
torch.tensor([torch.tensor(1, dtype=torch.int32), 2.5])
torch.tensor(torch.tensor([1.]))
torch.tensor([[torch.tensor([1.])], [torch.tensor([2.])]])
torch.tensor([[torch.tensor([[1.]])], [torch.tensor([[2.]])]])
torch.tensor([np.array([1.,2.]), [3, 4]])
torch.tensor([[3, 4], np.array([1.,2.])])
torch.tensor([np.array([[1.]]), np.array([[2.]])])
torch.tensor([np.array(1.), np.array(2.)])
torch.tensor([np.float32(1), np.float64(2)])
torch.tensor([np.float64(2), np.float32(1)])
torch.tensor(np.float32(1))
torch.tensor(np.int16(1))
torch.tensor(np.float64(1))
torch.tensor([])
torch.tensor([[]])
torch.tensor([[], []])
torch.tensor([1, 2.])
torch.tensor([300], dtype=torch.int8)
torch.tensor(300, dtype=torch.int8)
torch.tensor([-1], dtype=torch.uint8)
torch.tensor(-1, dtype=torch.uint8)
torch.tensor([256], dtype=torch.uint8)
torch.tensor([2**40], dtype=torch.int32)
torch.tensor([2**63])
torch.tensor(2**63)
torch.tensor([2**70], dtype=torch.float32)
torch.tensor([1.5], dtype=torch.int32)
torch.tensor([1e10], dtype=torch.int32)
torch.tensor([1e10], dtype=torch.float16)
torch.tensor([float('nan')], dtype=torch.int32)
torch.tensor([float('inf')], dtype=torch.int64)
torch.tensor([1e300], dtype=torch.float32)
torch.tensor(np.array([300]), dtype=torch.int8)
torch.tensor([2], dtype=torch.bool)
torch.tensor([None])
torch.tensor(None)
torch.tensor(['a'])
torch.tensor([[1, 2], [3]])
torch.tensor([[1], 2])
torch.tensor([1, [2]])
torch.tensor({1: 2})
torch.tensor(range(3))
torch.tensor((1, 2))
torch.tensor([(1, 2), (3, 4)])
torch.tensor(x for x in [1,2])
torch.Tensor([1, 2])
torch.Tensor([np.float64(1.5)])
torch.Tensor(2, 3).shape
torch.Tensor(np.array([1., 2.]))
torch.as_tensor([np.float64(1)])
torch.as_tensor([torch.tensor([1.]), torch.tensor([2.])])
torch.asarray([np.float64(1)])
torch.ones(2).new_tensor([np.float64(1)])
torch.ones(2).new_tensor([1])
torch.ones(2).new_tensor(np.array([1]))
torch.tensor([np.datetime64('2020-01-01')])
torch.Tensor().shape
torch.Tensor(3).shape
torch.Tensor([1, 2])
torch.Tensor([[1, 2]], device='cpu')
torch.Tensor(torch.ones(2))
torch.Tensor(torch.ones(2, dtype=torch.int64))
torch.Tensor(2.5)
torch.Tensor(np.array([1, 2]))
torch.Tensor((1, 2))
torch.Tensor(torch.Size([2, 3])).shape
torch.Tensor([300.5])
torch.Tensor(-1)
torch.Tensor([True])
torch.Tensor('a')
torch.Tensor(2, 3.5)
torch.Tensor([1, 2]).requires_grad
isinstance(torch.Tensor([1]), torch.Tensor)
nn.Parameter(torch.Tensor([1, 2])).requires_grad
torch.Tensor(range(3))
torch.Tensor([np.float64(1)])
"""

SECTIONS["operators with arrays"] = """\
torch.ones(2) == np.ones(2)
torch.ones(2).eq(np.ones(2))
torch.eq(torch.ones(2), np.ones(2))
torch.add(torch.ones(2), np.ones(2))
torch.ones(2).add(np.ones(2))
torch.ones(2).add(np.array(1.))
torch.ones(2) == np.array([1, 2], np.int32)
torch.ones(2) < np.ones(2)
np.ones(2) <= torch.ones(2)
torch.ones(2, requires_grad=True) + np.ones(2)
torch.ones(2, requires_grad=True) == np.ones(2)
np.ones(2) + torch.ones(2, requires_grad=True)
np.exp(torch.ones(2))
np.add(torch.ones(2), 1)
np.sum(torch.ones(2))
np.mean(torch.ones(2))
np.maximum(torch.ones(2), np.zeros(2))
np.ones(2) == torch.ones(2)
np.ones(2) + torch.ones(3)
torch.ones(2) + np.ones(3)
torch.ones(2) + np.array(['a','b'])
torch.ones(2) == np.array(['a','b'])
x = np.ones(2);; x += torch.ones(2);; x
np.add(np.ones(2), torch.ones(2), out=np.zeros(2))
np.ones(2) @ torch.ones(2)
torch.ones(2) @ np.ones(2)
torch.ones(2) @ [1, 2]
np.concatenate([torch.ones(2), np.ones(2)])
np.sqrt(torch.tensor([4], dtype=torch.bfloat16))
np.stack([torch.ones(2), torch.ones(2)])
torch.ones(2) + np.ones(2, bool)
np.int64(3) - torch.tensor([1, 2])
torch.tensor([1, 2]) - np.int64(3)
np.float32(1.5) - torch.tensor([1, 2])
torch.tensor([1, 2]) == np.int64(1)
np.int64(1) == torch.tensor([1, 2])
np.float64(1) < torch.tensor([1, 2])
np.ones((2,1)) * torch.ones(2)
divmod(torch.ones(2), np.ones(2))
torch.ones(2) in np.ones(2)
bool((torch.ones(2) == np.ones(2)).all())
torch.maximum(torch.ones(2), np.ones(2))
torch.ones(2).copy_(np.ones(2))
x = torch.zeros(2);; x[:] = np.array([1., 2.]);; x
x = torch.zeros(2);; x[np.array([0, 1])] = np.array([1., 2.]);; x
x = torch.zeros(2);; x[np.array([True, False])] = 2;; x
pow(torch.ones(2), np.ones(2))
2 ** torch.ones(2)
torch.tensor([1.5, 2]) // np.array([1., 1.])
np.array([3., 4.]) // torch.tensor([1.5, 2])
np.array([3., 4.]) % torch.tensor([1.5, 2])
np.array([3, 4]) << torch.tensor([1, 2])
np.array([3, 4]) & torch.tensor([1, 2])
np.array([3, 4]) ** torch.tensor([1, 2])
np.array(3) @ torch.tensor([1, 2])
"""

SECTIONS["numbers beyond their dtype"] = """\
torch.tensor([-300], dtype=torch.uint8)
torch.tensor([-255], dtype=torch.uint8)
torch.tensor([-256], dtype=torch.uint8)
torch.tensor([-1.5], dtype=torch.uint8)
torch.tensor([255.5], dtype=torch.uint8)
torch.tensor([127.9], dtype=torch.int8)
torch.tensor([128.], dtype=torch.int8)
torch.tensor([1e10], dtype=torch.float16)
torch.tensor([65519], dtype=torch.float16)
torch.tensor([65520], dtype=torch.float16)
torch.tensor([1e39], dtype=torch.bfloat16)
torch.tensor([2**70], dtype=torch.float32)
torch.tensor([2**70], dtype=torch.int64)
torch.tensor([2**63-1])
torch.tensor([-2**63])
torch.tensor([float('inf')], dtype=torch.float16)
torch.tensor([float('nan')], dtype=torch.int64)
torch.tensor([1e39], dtype=torch.float32)
torch.tensor([2**65], dtype=torch.bool)
torch.full((2,), 300, dtype=torch.int8)
torch.full((2,), -1, dtype=torch.uint8)
torch.full((2,), -300, dtype=torch.uint8)
torch.full((2,), 1e9, dtype=torch.float16)
torch.full((2,), 65504., dtype=torch.float16)
torch.full((2,), 65510., dtype=torch.float16)
torch.full((2,), float('inf'), dtype=torch.float16)
torch.full((2,), float('nan'), dtype=torch.int32)
torch.full((2,), 1e300, dtype=torch.float32)
torch.full((2,), 1e10, dtype=torch.int32)
torch.full((2,), 1.5, dtype=torch.int32)
torch.full((2,), 2, dtype=torch.bool)
torch.full((2,), 2**63)
torch.full_like(torch.zeros(2, dtype=torch.int8), 300)
torch.full_like(torch.zeros(2, dtype=torch.float16), 1e9)
torch.zeros(2, dtype=torch.float16).fill_(1e9)
torch.zeros(2, dtype=torch.int8).fill_(300)
torch.zeros(2, dtype=torch.int8).fill_(torch.tensor(300))
torch.zeros(2, dtype=torch.float16).fill_(torch.tensor(1e9))
torch.zeros(2, dtype=torch.uint8).fill_(-1)
torch.zeros(2, dtype=torch.int64).fill_(float('nan'))
torch.zeros(2, dtype=torch.float16).masked_fill(torch.tensor([True, False]), -1e9)
torch.zeros(2, dtype=torch.float16).masked_fill(torch.tensor([True, False]), float('-inf'))
torch.zeros(2, dtype=torch.bfloat16).masked_fill(torch.tensor([True, False]), -1e39)
torch.zeros(2, dtype=torch.int8).masked_fill(torch.tensor([True, False]), 300)
torch.zeros(2, dtype=torch.int8).masked_fill(torch.tensor([True, False]), 1.5)
torch.zeros(2, dtype=torch.int8).masked_fill_(torch.tensor([True, False]), 300)
torch.zeros(2, dtype=torch.int32).masked_fill(torch.tensor([False, False]), 1e10)
torch.zeros(2, dtype=torch.int8).index_fill(0, torch.tensor([0]), 300)
torch.zeros(2, dtype=torch.float16).index_fill(0, torch.tensor([0]), 1e9)
torch.zeros(2, dtype=torch.int8).scatter(0, torch.tensor([0]), 300)
torch.zeros(2, dtype=torch.float16).scatter(0, torch.tensor([0]), 1e9)
F.pad(torch.zeros(2, dtype=torch.int8), (1, 1), value=300)
F.pad(torch.zeros(2, dtype=torch.float16), (1, 1), value=1e9)
F.pad(torch.zeros(2), (1, 1), value=1e300)
torch.zeros(2).new_full((2,), 1e300)
torch.zeros(2, dtype=torch.int8).new_full((2,), 300)
torch.zeros(2, 2, dtype=torch.int8).fill_diagonal_(300)
torch.nan_to_num(torch.tensor([float('nan')], dtype=torch.float16), nan=1e9)
torch.clamp(torch.zeros(2, dtype=torch.int8), 300)
torch.clamp(torch.zeros(2, dtype=torch.int8), max=-300)
torch.clamp(torch.zeros(2, dtype=torch.float16), 1e9)
torch.where(torch.tensor([True]), torch.zeros(1, dtype=torch.int8), 300)
torch.where(torch.tensor([False]), torch.zeros(1, dtype=torch.float16), 1e9)
torch.zeros(2, dtype=torch.int8) + 300
torch.zeros(2, dtype=torch.int8) == 300
torch.zeros(2, dtype=torch.int8) < 300
torch.zeros(2, dtype=torch.int8) * 300
torch.zeros(2, dtype=torch.float16) + 1e9
torch.zeros(2, dtype=torch.int64) + 2**63
torch.ones(2, dtype=torch.uint8) - 300
torch.zeros(2, dtype=torch.uint8) == -1
torch.arange(300, dtype=torch.int8)
torch.linspace(0, 300, 3, dtype=torch.int8)
torch.randint(0, 300, (2,), dtype=torch.int8)
torch.randint(-1, 2, (2,), dtype=torch.uint8)
torch.zeros(2, dtype=torch.int8).clamp_(max=300)
torch.zeros(2, dtype=torch.int8).bitwise_and(300)
torch.full((2,), True, dtype=torch.int8)
torch.full((2,), np.float64(300), dtype=torch.int8)
torch.scalar_tensor(300, dtype=torch.int8)
torch.hardtanh if False else F.hardtanh(torch.zeros(2, dtype=torch.int8), -300, 300)
F.threshold(torch.zeros(2, dtype=torch.int8), 0, 300)
torch.cumsum(torch.full((3,), 100, dtype=torch.int8), 0)
torch.bucketize(300, torch.tensor([1, 2], dtype=torch.int8))
torch.zeros(2, dtype=torch.int8).put_(torch.tensor([0]), torch.tensor([44], dtype=torch.int8))
torch.zeros(2, dtype=torch.float16).copy_(torch.tensor([1e9, 1.]))
torch.isin(torch.zeros(2, dtype=torch.int8), 300)
torch.searchsorted(torch.tensor([1, 2], dtype=torch.int8), 300)
torch.zeros(3).scatter_(0, torch.tensor([0]), 1e300)
torch.zeros(2, dtype=torch.uint8).masked_fill(torch.tensor([True, False]), -1)
torch.zeros(2, dtype=torch.bool).masked_fill(torch.tensor([True, False]), 2)
torch.zeros(2, dtype=torch.bool).fill_(3)
x = torch.ones(2, dtype=torch.float16);; x.addcmul(torch.ones(2, dtype=torch.float16), torch.ones_like(x), value=1e9)
torch.zeros(2, dtype=torch.int8) == 300
torch.zeros(2, dtype=torch.int8) < 300
torch.zeros(2, dtype=torch.int8) > 300
torch.zeros(2, dtype=torch.uint8) == -1
torch.zeros(2, dtype=torch.int8) + 300
torch.ones(2, dtype=torch.int8) ** 300
torch.maximum(torch.ones(2, dtype=torch.int8), torch.tensor(300))
torch.ones(2, dtype=torch.uint8) - 300
torch.ones(2, dtype=torch.uint8) * -1
torch.ones(2, dtype=torch.uint8) + -1
torch.ones(2, dtype=torch.int8).bitwise_or(300)
300 - torch.ones(2, dtype=torch.int8)
torch.ones(2, dtype=torch.int8) / 300
torch.ones(2, dtype=torch.int32) + 2**40
torch.tensor([5, 7]) // 0
torch.tensor([5, 7]) % 0
torch.tensor([5, 7]) // torch.tensor([0, 1])
torch.tensor([5, 7]) % torch.tensor([0, 1])
torch.fmod(torch.tensor([5, 7]), 0)
torch.fmod(torch.tensor([5, 7]), torch.tensor([0, 1]))
torch.tensor([5, 7]) / 0
torch.div(torch.tensor([5, 7]), 0, rounding_mode='floor')
torch.div(torch.tensor([5, 7]), 0, rounding_mode='trunc')
torch.div(torch.tensor([5, 7]), torch.tensor([0, 1]), rounding_mode='trunc')
5 // torch.tensor([0, 1])
5 % torch.tensor([0, 1])
torch.floor_divide(torch.tensor([5]), torch.tensor([0], dtype=torch.int8))
x = torch.tensor([5]);; x //= 0;; x
x = torch.tensor([5]);; x %= 0;; x
torch.remainder(torch.tensor([5]), torch.tensor([0]))
torch.tensor([2]) ** -1
torch.tensor([2]) ** torch.tensor([-1])
2 ** torch.tensor([-1])
torch.tensor([0]) ** torch.tensor([-1])
torch.tensor([1, -1]) ** torch.tensor([-1, -3])
torch.gcd(torch.tensor([0]), torch.tensor([0]))
torch.lcm(torch.tensor([0]), torch.tensor([0]))
torch.tensor([-2**63]) // -1
torch.tensor([True]) // torch.tensor([False])
torch.tensor([5, 7]).float() // 0
torch.tensor([], dtype=torch.int64) // 0
torch.tensor([5], dtype=torch.uint8) // 0
torch.reciprocal(torch.tensor([0]))
torch.float_power(torch.tensor([0]), -1)
torch.index_reduce(torch.tensor([5]), 0, torch.tensor([0]), torch.tensor([0]), 'mean')
torch.bucketize(300, torch.tensor([1, 2], dtype=torch.int8))
torch.bucketize(1.5, torch.tensor([1, 2]))
torch.searchsorted(torch.tensor([1, 2]), 1.5)
torch.searchsorted(torch.tensor([1., 2]), 1)
torch.searchsorted(torch.tensor([1., 2], dtype=torch.float16), 65530.)
torch.searchsorted(torch.tensor([1, 2]), torch.tensor([1.5]))
torch.isin(torch.tensor([1, 2]), 1.5)
torch.isin(torch.tensor([1, 2]), 1)
torch.isin(1.5, torch.tensor([1, 2]))
torch.isin(1, torch.tensor([1., 2]))
torch.isin(torch.tensor([1, 2], dtype=torch.int8), 257)
torch.isin(torch.tensor([.1], dtype=torch.float16), .1)
torch.isin(torch.tensor([1, 2]), torch.tensor([1., 2.5]))
torch.isin(torch.tensor([float('nan')]), torch.tensor([float('nan')]))
torch.isin(torch.tensor(1), torch.tensor([1]))
torch.isin(torch.tensor([]), torch.tensor([1.]))
torch.isin(torch.tensor([1.]), torch.tensor([]))
torch.isin(torch.tensor([[1., 2], [3, 4]]), torch.tensor([[1., 4]]))
torch.isin(torch.tensor([1.,2]), torch.tensor([1.]), invert=True)
torch.isin(torch.tensor([1.,2]), torch.tensor([1.]), assume_unique=True)
torch.isin(torch.tensor([True, False]), torch.tensor([True]))
torch.isin(torch.tensor([0., -0.]), torch.tensor([0.]))
torch.isin([1], torch.tensor([0.]))
torch.isin(1, 2)
"""

SECTIONS["sizes, dimensions and counts"] = """\
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.sum(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.mean(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.amax(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.max(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.min(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.argmax(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.std(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.var(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.prod(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.all(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.logsumexp(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.softmax(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.log_softmax(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.cumsum(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.cumprod(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.sort(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.argsort(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.topk(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.topk(i, i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.kthvalue(i, i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.median(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.mode(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.unsqueeze(i)
x = torch.arange(6.).reshape(2, 1, 3);; i = np.int64(1);; x.squeeze(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.transpose(i, np.int64(0))
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.permute(i, np.int64(0))
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.select(i, i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.narrow(i, i, i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.chunk(np.int64(2))
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.chunk(np.int64(2), i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.unbind(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.flip(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.roll(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.roll(i, i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(1);; x.repeat(i, np.int64(2))
x = torch.arange(6.).reshape(2, 3);; i = np.int64(2);; x.repeat_interleave(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(2);; x.repeat_interleave(i, np.int64(1))
x = torch.arange(6.).reshape(2, 3);; i = np.int64(2);; x.tile(i)
x = torch.arange(6.).reshape(2, 3);; i = np.int64(2);; x.tile((i, i))
x = torch.arange(6.).reshape(2, 3);; x.reshape(np.int64(3), np.int64(2))
x = torch.arange(6.).reshape(2, 3);; x.view(np.int64(3), np.int64(2))
x = torch.arange(6.).reshape(2, 3);; x.view(np.int64(6))
x = torch.arange(6.).reshape(2, 3);; x.reshape(np.int64(-1))
x = torch.arange(3.);; x.expand(np.int64(2), np.int64(3))
x = torch.arange(6.).reshape(2, 3);; x.flatten(np.int64(0), np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.unflatten(np.int64(1), (np.int64(3), np.int64(1)))
x = torch.arange(6.).reshape(2, 3);; x.movedim(np.int64(0), np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.unfold(np.int64(1), np.int64(2), np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.diagonal(np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.diag(np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.tril(np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.triu(np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.diff(np.int64(1), np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.size(np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.stride(np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.index_select(np.int64(1), torch.tensor([0]))
x = torch.arange(6.).reshape(2, 3);; x.gather(np.int64(1), torch.tensor([[0], [1]]))
x = torch.arange(6.).reshape(2, 3);; x.scatter(np.int64(1), torch.tensor([[0], [1]]), 9.)
x = torch.arange(6.).reshape(2, 3);; x.index_add(np.int64(1), torch.tensor([0]), torch.ones(2, 1))
x = torch.arange(6.).reshape(2, 3);; x.rot90(np.int64(1), (0, 1))
x = torch.arange(6.).reshape(2, 3);; torch.cat([x, x], np.int64(1))
x = torch.arange(6.).reshape(2, 3);; torch.stack([x, x], np.int64(1))
x = torch.arange(6.).reshape(2, 3);; torch.unbind(x, np.int64(1))
x = torch.arange(6.).reshape(2, 3);; torch.tensor_split(x, np.int64(2))
x = torch.arange(6.).reshape(2, 3);; torch.tensor_split(x, np.int64(2), np.int64(1))
x = torch.arange(6.).reshape(2, 3);; x.matrix_power(np.int64(2)) if False else torch.eye(2).matrix_power(np.int64(2))
torch.zeros(np.int64(2), np.int64(3)).shape
torch.zeros((np.int64(2), np.int64(3))).shape
torch.ones(np.int64(2)).shape
torch.empty(np.int64(2)).shape
torch.full((np.int64(2),), 1.).shape
torch.rand(np.int64(2)).shape
torch.randn(np.int64(2)).shape
torch.randint(np.int64(2), np.int64(3), (np.int64(2),)).shape
torch.randint(np.int64(3), (np.int64(2),)).shape
torch.randperm(np.int64(3)).shape
torch.arange(np.int64(3))
torch.arange(np.int64(0), np.int64(6), np.int64(2))
torch.linspace(0, 1, np.int64(3))
torch.eye(np.int64(2))
torch.tril_indices(np.int64(2), np.int64(2))
torch.combinations(torch.arange(3), np.int64(2))
torch.vander(torch.arange(3), np.int64(2))
torch.bincount(torch.tensor([0, 1]), minlength=np.int64(3))
torch.histc(torch.tensor([0., 1]), np.int64(3))
torch.multinomial(torch.tensor([1., 1]), np.int64(1)).shape
torch.hann_window(np.int64(4))
torch.cumsum(torch.ones(2), np.int64(0))
torch.logcumsumexp(torch.ones(2), np.int64(0))
torch.cummax(torch.ones(2), np.int64(0))
torch.renorm(torch.ones(2, 2), 2, np.int64(0), 1.)
torch.nn.functional.one_hot(torch.tensor([0, 1]), np.int64(3))
F.pad(torch.ones(3), (np.int64(1), np.int64(1)))
F.max_pool1d(torch.ones(1, 1, 4), np.int64(2))
F.max_pool2d(torch.ones(1, 1, 4, 4), np.int64(2), np.int64(2), np.int64(0))
F.avg_pool1d(torch.ones(1, 1, 4), np.int64(2))
F.avg_pool2d(torch.ones(1, 1, 4, 4), np.int64(2))
F.adaptive_avg_pool1d(torch.ones(1, 1, 4), np.int64(2))
F.adaptive_max_pool1d(torch.ones(1, 1, 4), np.int64(2))
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), stride=np.int64(1), padding=np.int64(1), dilation=np.int64(1))
F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2), stride=np.int64(1), padding=np.int64(1))
F.conv_transpose2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2), stride=np.int64(1), padding=np.int64(1))
F.unfold(torch.ones(1, 1, 4, 4), np.int64(2))
F.fold(torch.ones(1, 4, 9), (np.int64(4), np.int64(4)), np.int64(2))
F.interpolate(torch.ones(1, 1, 4), np.int64(2))
F.interpolate(torch.ones(1, 1, 4), scale_factor=np.int64(2))
F.softmax(torch.ones(2, 2), np.int64(1))
F.glu(torch.ones(2, 2), np.int64(1))
F.normalize(torch.ones(2, 2), 2, np.int64(1))
F.cosine_similarity(torch.ones(2, 2), torch.ones(2, 2), np.int64(1))
F.layer_norm(torch.ones(2, 2), (np.int64(2),))
F.group_norm(torch.arange(8.).reshape(2, 2, 2), np.int64(2))
F.pixel_shuffle(torch.ones(1, 4, 2, 2), np.int64(2))
F.pixel_unshuffle(torch.ones(1, 1, 4, 4), np.int64(2))
F.embedding(torch.tensor([0]), torch.ones(2, 2), np.int64(0))
F.cross_entropy(torch.ones(2, 2), torch.tensor([0, 1]), ignore_index=np.int64(1))
F.local_response_norm(torch.ones(1, 4, 2), np.int64(2))
F.channel_shuffle(torch.ones(1, 4, 2, 2), np.int64(2)) if hasattr(F, 'channel_shuffle') else 0
nn.Linear(np.int64(2), np.int64(3))(torch.ones(1, 2)).shape
nn.Conv2d(np.int64(1), np.int64(3), np.int64(2))(torch.ones(1, 1, 4, 4)).shape
nn.LayerNorm(np.int64(2))(torch.ones(1, 2))
nn.BatchNorm1d(np.int64(2))(torch.arange(8.).reshape(4, 2)).shape
nn.Embedding(np.int64(2), np.int64(3))(torch.tensor([0])).shape
nn.MultiheadAttention(np.int64(4), np.int64(2))(torch.ones(1, 1, 4), torch.ones(1, 1, 4), torch.ones(1, 1, 4))[0].shape
nn.GroupNorm(np.int64(2), np.int64(4))(torch.arange(8.).reshape(2, 4)).shape
nn.Flatten(np.int64(1))(torch.ones(2, 2, 2)).shape
nn.MaxPool2d(np.int64(2))(torch.ones(1, 1, 4, 4)).shape
nn.Bilinear(np.int64(2), np.int64(2), np.int64(1))(torch.ones(1, 2), torch.ones(1, 2)).shape
nn.Upsample(np.int64(2))(torch.ones(1, 1, 4)).shape
nn.Softmax(np.int64(1))(torch.ones(1, 2))
nn.ConstantPad1d(np.int64(1), 0.)(torch.ones(1, 2))
torch.linalg.norm(torch.ones(2, 2), dim=np.int64(1))
torch.linalg.vector_norm(torch.ones(2, 2), dim=np.int64(1))
torch.linalg.matrix_power(torch.ones(2, 2), np.int64(2))
torch.linalg.cross(torch.ones(2, 3), torch.ones(2, 3), dim=np.int64(1))
torch.logspace(0, 1, np.int64(3))
torch.unique(torch.ones(2, 2), dim=np.int64(0))
torch.quantile(torch.ones(2, 2), .5, np.int64(0))
torch.nanmedian(torch.ones(2, 2), np.int64(0))
torch.count_nonzero(torch.ones(2, 2), np.int64(0))
torch.trapezoid(torch.ones(2, 2), dim=np.int64(0))
torch.gradient(torch.arange(4.), dim=np.int64(0))
torch.cdist(torch.ones(2, 2), torch.ones(2, 2), np.int64(2))
torch.aminmax(torch.ones(2, 2), dim=np.int64(0))
torch.std_mean(torch.ones(2, 2), np.int64(0))
torch.nansum(torch.ones(2, 2), np.int64(0))
torch.atleast_1d(torch.ones(2))
torch.index_fill(torch.ones(2), np.int64(0), torch.tensor([0]), np.int64(5))
torch.take_along_dim(torch.ones(2, 2), torch.tensor([[0]]), np.int64(0))
torch.diag_embed(torch.ones(2), np.int64(1))
torch.select_scatter(torch.ones(2, 2), torch.zeros(2), np.int64(0), np.int64(1))
torch.slice_scatter(torch.ones(3, 2), torch.zeros(1, 2), np.int64(0), np.int64(1), np.int64(2))
torch.as_strided(torch.ones(4), (np.int64(2),), (np.int64(2),), np.int64(1))
torch.ones(2).new_zeros(np.int64(2)).shape
torch.ones(3)[torch.tensor(1)]
torch.zeros(torch.tensor(2)).shape
torch.sum(torch.ones(2, 2), torch.tensor(1))
torch.rand(-2)
torch.rand(2.7)
torch.randn(-2)
torch.zeros(-2)
torch.zeros(2.5)
torch.empty(-1)
torch.full((-1,), 1)
torch.randint(3, (-1,))
torch.randint(0, 2.5, (2,))
torch.randint(0, 2, (2.5,))
torch.randperm(-1)
torch.randperm(2.5)
torch.arange(3).reshape(1.5, 2)
torch.arange(3).view(3.0)
torch.arange(3).expand(2.0, 3)
torch.ones(2, 2).sum(1.0)
torch.ones(2, 2).sum('a')
torch.ones(2, 2).softmax(1.0)
torch.ones(2, 2).unsqueeze(1.0)
torch.ones(2, 2).squeeze(1.0)
torch.ones(2, 2).transpose(1.0, 0)
torch.ones(2, 2).permute(1.0, 0)
torch.ones(2, 2).flatten(1.0)
torch.ones(2, 2).topk(1.0)
torch.ones(2, 2).topk(-1)
torch.ones(2, 2).topk(5)
torch.ones(2, 2).chunk(1.5)
torch.ones(2, 2).chunk(0)
torch.ones(2, 2).chunk(-1)
torch.ones(2, 2).split(1.5)
torch.ones(2, 2).split(-1)
torch.ones(2, 2).split(0)
torch.ones(2, 2).repeat(1.5, 1)
torch.ones(2, 2).repeat(-1, 1)
torch.ones(2, 2).tile(1.5)
torch.ones(2, 2).narrow(0, 0.0, 1)
torch.ones(2, 2).narrow(0, 0, -1)
torch.ones(2, 2).select(0, 1.0)
torch.ones(2, 2).select(0, 5)
torch.ones(2, 2).cumsum(1.0)
torch.ones(2, 2).sort(1.0)
torch.ones(2, 2).roll(1.5)
torch.ones(2, 2).flip(0, 0)
torch.ones(2, 2).flip(0, -2)
torch.ones(2, 2).flip([1.0])
torch.ones(2, 2).repeat_interleave(-1)
torch.ones(2, 2).repeat_interleave(1.5)
torch.ones(2, 2).tril(1.5)
torch.ones(2, 2).diagonal(1.5)
torch.ones(4).unfold(0, 2.0, 1)
torch.ones(4).unfold(0, 2, 0)
torch.ones(4).unfold(0, -1, 1)
torch.eye(-1)
torch.eye(2.5)
torch.linspace(0, 1, 2.5)
torch.linspace(0, 1, -1)
torch.logspace(0, 1, -1)
torch.nn.Linear(2.5, 3)
torch.nn.Linear(-1, 3)
torch.nn.Linear(2, 0).weight.shape
nn.Conv1d(1.5, 1, 1)
nn.Conv1d(1, 1, 1.5)
nn.Conv1d(1, 1, -1)
nn.Conv1d(1, 1, 1, stride=0)(torch.ones(1, 1, 4))
nn.Conv1d(1, 1, 1, padding='sam')
nn.Conv1d(1, 1, 1, groups=0)
nn.Conv1d(3, 2, 1, groups=2)
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), padding='sam')
F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2), padding='sam')
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), stride=0)
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), padding=-1)
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), dilation=0)
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), groups=0)
F.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2), stride=1.5)
nn.Embedding(-1, 2)
nn.Embedding(2.5, 2)
nn.LayerNorm(-1)
nn.LayerNorm(2.5)
nn.BatchNorm1d(2.5)
nn.GroupNorm(3, 4)
nn.GroupNorm(0, 4)
nn.LSTM(2.5, 3)
nn.LSTM(2, 0)
nn.LSTM(2, 3, 0)
nn.MultiheadAttention(4, 3)
nn.MultiheadAttention(4.0, 2)
F.group_norm(torch.ones(1, 2), 2)
F.group_norm(torch.ones(1, 1, 1), 1)
F.instance_norm(torch.ones(1, 1, 1))
F.batch_norm(torch.ones(1, 2), None, None, training=True)
F.layer_norm(torch.ones(1, 1), (1,))
nn.GroupNorm(2, 2)(torch.ones(1, 2))
nn.InstanceNorm1d(1)(torch.ones(1, 1, 1))
nn.BatchNorm1d(2)(torch.ones(1, 2))
F.max_pool1d(torch.ones(1, 1, 4), 0)
F.max_pool1d(torch.ones(1, 1, 4), -1)
F.max_pool1d(torch.ones(1, 1, 4), 2.5)
F.max_pool1d(torch.ones(1, 1, 4), 2, 0)
F.max_pool1d(torch.ones(1, 1, 4), 2, padding=2)
F.max_pool1d(torch.ones(1, 1, 4), 2, dilation=0)
F.max_pool1d(torch.ones(1, 1, 4), 5)
F.avg_pool1d(torch.ones(1, 1, 4), 0)
F.avg_pool1d(torch.ones(1, 1, 4), 2, padding=2)
F.avg_pool2d(torch.ones(1, 1, 4, 4), 2, divisor_override=0)
F.adaptive_avg_pool1d(torch.ones(1, 1, 4), -1)
F.adaptive_avg_pool1d(torch.ones(1, 1, 4), 2.5)
F.adaptive_max_pool1d(torch.ones(1, 1, 4), -1)
F.interpolate(torch.ones(1, 1, 4), -1)
F.interpolate(torch.ones(1, 1, 4), 0)
F.interpolate(torch.ones(1, 1, 4), scale_factor=-1.)
F.pad(torch.ones(3), (1.5, 1))
F.pad(torch.ones(3), (-4, 0))
F.pixel_shuffle(torch.ones(1, 4, 2, 2), -2)
F.pixel_shuffle(torch.ones(1, 4, 2, 2), 3)
F.dropout(torch.ones(3), 1.5)
F.dropout(torch.ones(3), -.1)
F.one_hot(torch.tensor([0, 1]), 1)
F.one_hot(torch.tensor([0, -1]))
F.one_hot(torch.tensor([0, 1]), 0)
F.one_hot(torch.tensor([]).long(), -1)
F.unfold(torch.ones(1, 1, 4, 4), 0)
F.unfold(torch.ones(1, 1, 4, 4), 5)
torch.hstack([torch.ones(2)])
torch.hstack(torch.ones(2))
torch.vstack(torch.ones(2))
torch.dstack(torch.ones(2))
torch.cat(torch.ones(2))
torch.stack(torch.ones(2))
torch.column_stack(torch.ones(2))
torch.cat([])
torch.stack([])
torch.hstack([])
torch.cat([torch.ones(2), 1])
torch.cat([torch.ones(2), [1]])
torch.cat([torch.ones(2), torch.ones(2, 2)])
torch.cat([torch.ones(2, 3), torch.ones(2, 2)])
torch.stack([torch.ones(2), torch.ones(3)])
torch.stack([torch.ones(2), 1])
torch.hstack(torch.ones(2, 2))
torch.block_diag(torch.ones(2, 2))
torch.meshgrid(torch.ones(2, 2))
torch.meshgrid(torch.ones(2))
torch.broadcast_tensors(torch.ones(2), torch.ones(3))
torch.einsum('ij,jk', torch.ones(2, 3), torch.ones(2, 3))
torch.bincount(torch.tensor([-1]))
torch.bincount(torch.tensor([0, 1]), minlength=-1)
torch.histc(torch.tensor([0., 1]), 0)
torch.histc(torch.tensor([0., 1]), -1)
torch.multinomial(torch.tensor([1., 1]), -1)
torch.multinomial(torch.tensor([1., 1]), 3)
torch.tensor_split(torch.ones(4), 0)
torch.tensor_split(torch.ones(4), -1)
torch.unflatten(torch.ones(4), 0, (3, 2))
torch.combinations(torch.arange(3), -1)
torch.hann_window(-1)
torch.matrix_power(torch.ones(2, 3), 2)
F.ctc_loss(torch.zeros(3, 1, 2).log_softmax(2), torch.tensor([[1]]), torch.tensor([5]), torch.tensor([1]))
F.ctc_loss(torch.zeros(3, 1, 2).log_softmax(2), torch.tensor([[1]]), torch.tensor([3]), torch.tensor([3]))
F.ctc_loss(torch.zeros(3, 1, 2).log_softmax(2), torch.tensor([[1]]), torch.tensor([3]), torch.tensor([1]), blank=2)
"""

SECTIONS["indices"] = """\
torch.arange(9).reshape(3,3)[[[0, 1], [1, 2]]]
torch.arange(9).reshape(3,3)[[0, 1]]
torch.arange(9).reshape(3,3)[[0, slice(None)]]
torch.arange(9).reshape(3,3)[[0, None]]
torch.arange(9).reshape(3,3)[[[0, 1]]]
torch.arange(9).reshape(3,3)[[torch.tensor([0, 1]), torch.tensor([1, 2])]]
torch.arange(9).reshape(3,3)[[torch.tensor(0), torch.tensor(1)]]
torch.arange(9).reshape(3,3)[[True, False, True]]
torch.arange(9).reshape(3,3)[[[True, False, True]]]
torch.arange(9).reshape(3,3)[[np.array([0, 1]), np.array([1, 2])]]
torch.arange(9).reshape(3,3)[[[0, 1], [1, 2]],]
torch.arange(9).reshape(3,3)[[0, [1, 2]]]
torch.arange(9).reshape(3,3)[[np.int64(0), np.int64(1)]]
torch.arange(9).reshape(3,3)[[..., 0]]
torch.arange(27).reshape(3,3,3)[[[[0, 1], [1, 2]], [[0, 1], [1, 2]]]]
torch.arange(9).reshape(3,3)[[]]
torch.arange(9).reshape(3,3)[[[]]]
torch.arange(9).reshape(3,3)[(0, 1), (1, 2)]
torch.arange(9).reshape(3,3)[(0, 1)]
torch.arange(9).reshape(3,3)[range(2)]
torch.arange(9).reshape(3,3)[(range(2), [0, 1])]
torch.arange(3)[torch.tensor(True)]
torch.arange(3)[torch.tensor(False)]
torch.arange(3)[True]
torch.arange(3)[np.True_]
torch.arange(3)[np.array(True)]
torch.arange(3)[np.array(1)]
torch.tensor(5)[torch.tensor(True)]
torch.tensor(5)[True]
torch.tensor(5)[None]
torch.tensor(5)[...]
torch.tensor(5)[()]
torch.tensor(5)[0]
torch.tensor(5)[:]
x = torch.tensor(5);; x[True] = 7;; x
x = torch.tensor(5);; x[torch.tensor(True)] = 7;; x
x = torch.tensor(5);; x[torch.tensor(False)] = 7;; x
x = torch.arange(3);; x[True] = 7;; x
x = torch.arange(3);; x[torch.tensor(False)] = 7;; x
x = torch.arange(3);; x[torch.tensor(True)] = torch.tensor([7,8,9]);; x
torch.arange(6).reshape(2,3)[torch.tensor(True), 0]
torch.arange(6).reshape(2,3)[0, torch.tensor(True)]
torch.arange(6).reshape(2,3)[:, torch.tensor(True)]
torch.arange(6).reshape(2,3)[torch.tensor([0]), torch.tensor(True)]
torch.arange(6).reshape(2,3)[torch.tensor([0,1]), True]
torch.arange(6).reshape(2,3)[True, False]
torch.masked_select(torch.arange(3), torch.tensor(True))
torch.masked_select(torch.tensor(3), torch.tensor([True, False]))
torch.masked_fill(torch.arange(3), torch.tensor(True), 7)
torch.where(torch.tensor(True), torch.arange(3), 7)
torch.tensor(True).nonzero()
torch.tensor(1.5).nonzero()
torch.tensor(3).nonzero(as_tuple=True)
torch.arange(4)[1.5]
torch.arange(4)['a']
torch.arange(4)[{}]
torch.arange(4)[torch.tensor(1.)]
torch.arange(4)[torch.tensor([1.])]
torch.arange(4)[np.float64(1)]
torch.arange(4)[np.int32(1)]
torch.arange(4)[np.uint8(1)]
torch.arange(4)[torch.tensor([1,0,1,0], dtype=torch.uint8)]
torch.arange(4)[np.array([1,0,1,0], np.uint8)]
torch.arange(4)[np.array([1,0], np.int32)]
torch.arange(4)[torch.tensor([1,0], dtype=torch.int16)]
torch.arange(4)[torch.tensor([1,0], dtype=torch.int8)]
torch.arange(4)[::-1]
torch.arange(4)[::0]
torch.arange(4)[np.int64(1):np.int64(3)]
torch.arange(4)[torch.tensor(1):]
torch.arange(4)[1.5:]
torch.arange(4)[4]
torch.arange(4)[-5]
torch.arange(4)[0, 0]
torch.arange(4)[[-4]]
torch.arange(4)[[-5]]
torch.arange(4)[[4]]
torch.arange(4)[torch.tensor([-5])]
torch.arange(4)[torch.tensor([4])]
torch.arange(9).reshape(3,3)[torch.tensor([0, 3]), torch.tensor([0, 0])]
torch.arange(9).reshape(3,3)[torch.tensor([0, -4]), torch.tensor([0, 0])]
torch.arange(9).reshape(3,3)[torch.tensor([0, 1]), torch.tensor([0, 3])]
torch.arange(9).reshape(3,3)[:, torch.tensor([0, -4])]
torch.arange(9).reshape(3,3)[torch.tensor([0,1,2]), torch.tensor([0, 1])]
torch.arange(9).reshape(3,3)[torch.tensor([True, False])]
torch.arange(9).reshape(3,3)[:, torch.tensor([True, False])]
torch.zeros(3, 0)[:, torch.tensor([0])]
torch.zeros(0)[torch.tensor([0])]
torch.zeros(0, 3)[torch.tensor([0])]
x = torch.zeros(3);; x[torch.tensor([3])] = 1;; x
x = torch.zeros(3);; x[torch.tensor([-4])] = 1;; x
x = torch.zeros(3);; x[[-4]] += 1;; x
x = torch.zeros(3, 3);; x[[[0, 1], [1, 2]]] = 5;; x
x = torch.zeros(3);; x[3] = 1;; x
x = torch.zeros(3);; x[[0, 1]] = torch.ones(3);; x
x = torch.zeros(3);; x[0:2] = torch.ones(3);; x
x = torch.zeros(3);; x[0] = [1.];; x
x = torch.zeros(3);; x[0:2] = [1., 2.];; x
x = torch.zeros(3);; x['a'] = 1;; x
x = torch.zeros(3);; x[0] = 'a';; x
x = torch.zeros(3);; x[0] = None;; x
x = torch.zeros(3, dtype=torch.int8);; x[0] = 300;; x
x = torch.zeros(3, dtype=torch.uint8);; x[0] = -1;; x
x = torch.zeros(3, dtype=torch.int32);; x[0] = 1.5;; x
x = torch.zeros(3, dtype=torch.float16);; x[0] = 1e9;; x
x = torch.zeros(3, dtype=torch.int8);; x[[0]] = 300;; x
x = torch.zeros(3, dtype=torch.float16);; x[[0]] = 1e9;; x
x = torch.zeros(3, dtype=torch.float16);; x[torch.tensor([True, False, True])] = 1e9;; x
del torch.zeros(3)[0]
"""

SECTIONS["bad indices"] = """\
torch.arange(3)[[-4]]
torch.arange(3)[[3]]
torch.arange(3)[torch.tensor([[-1, -4]])]
torch.arange(9).reshape(3, 3)[[0], [3]]
torch.arange(9).reshape(3, 3)[[0, 1], [-4, 0]]
torch.arange(9).reshape(3, 3)[:, [3]]
x = torch.arange(9).reshape(3, 3);; x[[0], [3]] = 1;; x
x = torch.arange(9).reshape(3, 3);; x[[-4]] = 1;; x
torch.arange(3).index_select(0, torch.tensor([-1]))
torch.arange(3).index_select(0, torch.tensor([3]))
torch.arange(3).index_select(0, torch.tensor([2, 0]))
torch.arange(3).index_select(0, torch.tensor([0], dtype=torch.int32))
torch.arange(3).index_select(0, torch.tensor([0], dtype=torch.int16))
torch.tensor(5).index_select(0, torch.tensor([0]))
torch.tensor(5).index_select(0, torch.tensor([1]))
torch.arange(3).index_add(0, torch.tensor([-1]), torch.tensor([5]))
torch.arange(3).index_add(0, torch.tensor([3]), torch.tensor([5]))
torch.arange(3.).index_add(0, torch.tensor([3]), torch.tensor([5.]))
torch.arange(6.).reshape(2, 3).index_add(1, torch.tensor([-1]), torch.ones(2, 1))
torch.arange(6.).reshape(2, 3).index_add(1, torch.tensor([3]), torch.ones(2, 1))
torch.arange(3).index_copy(0, torch.tensor([-1]), torch.tensor([5]))
torch.arange(3).index_copy(0, torch.tensor([3]), torch.tensor([5]))
torch.arange(3).index_fill(0, torch.tensor([-1]), 5)
torch.arange(3).index_fill(0, torch.tensor([3]), 5)
torch.arange(3).index_fill(0, torch.tensor([-4]), 5)
torch.arange(3.).index_reduce(0, torch.tensor([-1]), torch.tensor([5.]), 'prod')
torch.arange(3.).index_reduce(0, torch.tensor([3]), torch.tensor([5.]), 'prod')
torch.arange(3).gather(0, torch.tensor([-1]))
torch.arange(3).gather(0, torch.tensor([3]))
torch.arange(6).reshape(2, 3).gather(0, torch.tensor([[2]]))
torch.arange(6).reshape(2, 3).gather(1, torch.tensor([[3]]))
torch.arange(3).scatter(0, torch.tensor([-1]), 5)
torch.arange(3).scatter(0, torch.tensor([3]), 5)
torch.arange(6).reshape(2, 3).scatter(0, torch.tensor([[2]]), 5)
torch.arange(3).scatter_add(0, torch.tensor([-1]), torch.tensor([5]))
torch.arange(3).scatter_add(0, torch.tensor([3]), torch.tensor([5]))
torch.arange(3).scatter_reduce(0, torch.tensor([3]), torch.tensor([5]), 'sum')
torch.arange(3).scatter_reduce(0, torch.tensor([-1]), torch.tensor([5]), 'amax')
torch.arange(3).take(torch.tensor([-1]))
torch.arange(3).take(torch.tensor([-4]))
torch.arange(3).take(torch.tensor([3]))
torch.arange(3).put(torch.tensor([-1]), torch.tensor([5]))
torch.arange(3).put(torch.tensor([3]), torch.tensor([5]))
torch.arange(3).put(torch.tensor([-4]), torch.tensor([5]))
torch.take_along_dim(torch.arange(3), torch.tensor([-1]), 0)
torch.arange(3).index_put((torch.tensor([3]),), torch.tensor(5))
torch.arange(3).index_put((torch.tensor([-4]),), torch.tensor(5))
torch.arange(3).index_put((torch.tensor([-1]),), torch.tensor(5))
F.embedding(torch.tensor([3]), torch.ones(3, 2))
F.embedding(torch.tensor([-1]), torch.ones(3, 2))
nn.Embedding(3, 2)(torch.tensor([3]))
F.embedding_bag(torch.tensor([3]), torch.ones(3, 2), torch.tensor([0]))
F.embedding_bag(torch.tensor([-1]), torch.ones(3, 2), torch.tensor([0]))
F.embedding_bag(torch.tensor([0, 1]), torch.ones(3, 2), torch.tensor([1]))
F.embedding_bag(torch.tensor([0, 1]), torch.ones(3, 2), torch.tensor([0, 3]))
F.embedding_bag(torch.tensor([0, 1, 2]), torch.ones(3, 2), torch.tensor([0, 2, 2]), mode='sum')
F.embedding_bag(torch.tensor([0, 1]), torch.ones(3, 2), torch.tensor([0, 3]), include_last_offset=True)
F.embedding_bag(torch.tensor([[0, 3]]), torch.ones(3, 2))
F.one_hot(torch.tensor([3]), 3)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, -1]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, -100]))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]), ignore_index=3)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]), weight=torch.ones(3))
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]), label_smoothing=.1)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, -1]), label_smoothing=.1)
F.nll_loss(torch.ones(2, 3), torch.tensor([0, 3]))
F.nll_loss(torch.ones(2, 3), torch.tensor([0, -1]))
F.nll_loss(torch.ones(2, 3), torch.tensor([0, -1]), ignore_index=-1)
F.nll_loss(torch.ones(2, 3, 2), torch.tensor([[0, 3], [0, 1]]))
F.multi_margin_loss(torch.ones(2, 3), torch.tensor([0, 3]))
F.multi_margin_loss(torch.ones(2, 3), torch.tensor([0, -1]))
F.multilabel_margin_loss(torch.ones(1, 3), torch.tensor([[0, 3, -1]]))
F.multilabel_margin_loss(torch.ones(1, 3), torch.tensor([[0, -2, -1]]))
F.multilabel_margin_loss(torch.ones(1, 3), torch.tensor([[0, 2, -1]]))
F.max_unpool1d(torch.ones(1, 1, 2), torch.tensor([[[0, 4]]]), 2)
F.max_unpool1d(torch.ones(1, 1, 2), torch.tensor([[[0, -1]]]), 2)
F.max_unpool2d(torch.ones(1, 1, 1, 1), torch.tensor([[[[4]]]]), 2)
torch.repeat_interleave(torch.arange(2), torch.tensor([1, -1]))
torch.masked_scatter(torch.zeros(3), torch.tensor([True, True, True]), torch.ones(2))
torch.unravel_index(torch.tensor([6]), (2, 3))
torch.unravel_index(torch.tensor([-1]), (2, 3))
torch.searchsorted(torch.tensor([1., 2.]), torch.tensor([1.]), sorter=torch.tensor([0, 2]))
torch.bincount(torch.tensor([-1]))
torch.arange(3).select(0, 3)
torch.arange(3).narrow(0, 2, 2)
torch.zeros(0).index_select(0, torch.tensor([0]))
torch.zeros(0, 3).gather(0, torch.tensor([[0]]))
torch.zeros(0, 3)[torch.tensor([0])]
torch.zeros(3)[torch.tensor([], dtype=torch.int64)]
torch.zeros(0)[torch.tensor([], dtype=torch.int64)]
torch.zeros(3).index_select(0, torch.tensor([], dtype=torch.int64))
torch.zeros(3).scatter(0, torch.tensor([], dtype=torch.int64), 1.)
torch.kthvalue(torch.arange(3.), 4)
torch.kthvalue(torch.arange(3.), 0)
torch.nonzero_static(torch.arange(3), size=-1)
torch.gather(torch.arange(3), 0, torch.tensor([0], dtype=torch.int32))
torch.gather(torch.arange(3), 0, torch.tensor([0], dtype=torch.int16))
torch.gather(torch.arange(3), 0, torch.tensor([0.]))
torch.scatter(torch.arange(3), 0, torch.tensor([0], dtype=torch.int32), 1)
torch.index_add(torch.arange(3), 0, torch.tensor([0]), torch.tensor([1.]))
torch.take(torch.arange(3), torch.tensor([0], dtype=torch.int32))
"""

SECTIONS["results of another dtype than out"] = """\
torch.add(torch.ones(2), 1, out=torch.zeros(2, dtype=torch.int64))
torch.add(torch.ones(2), 1, out=torch.zeros(2, dtype=torch.float64))
torch.add(torch.ones(2), 1, out=torch.zeros(2, dtype=torch.float16))
torch.add(torch.ones(2, dtype=torch.int64), 1, out=torch.zeros(2))
torch.matmul(torch.ones(2, 2), torch.ones(2, 2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.mm(torch.ones(2, 2), torch.ones(2, 2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.sum(torch.ones(2, 2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.mean(torch.ones(2, 2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.cumsum(torch.ones(2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.cumprod(torch.ones(2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.cat([torch.ones(2)], out=torch.zeros(2, dtype=torch.float64))
torch.stack([torch.ones(2)], out=torch.zeros(1, 2, dtype=torch.float64))
torch.gather(torch.ones(2), 0, torch.tensor([0]), out=torch.zeros(1, dtype=torch.float64))
torch.index_select(torch.ones(2), 0, torch.tensor([0]), out=torch.zeros(1, dtype=torch.float64))
torch.exp(torch.ones(2), out=torch.zeros(2, dtype=torch.int64))
torch.eq(torch.ones(2), 1, out=torch.zeros(2))
torch.eq(torch.ones(2), 1, out=torch.zeros(2, dtype=torch.bool))
torch.logical_and(torch.ones(2), torch.ones(2), out=torch.zeros(2))
torch.where(torch.ones(2) > 0, torch.ones(2), torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.nonzero(torch.ones(2), out=torch.zeros(2, 1))
torch.bmm(torch.ones(1, 2, 2), torch.ones(1, 2, 2), out=torch.zeros(1, 2, 2, dtype=torch.float64))
torch.addmm(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2, 2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.mv(torch.ones(2, 2), torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.dot(torch.ones(2), torch.ones(2), out=torch.zeros((), dtype=torch.float64))
torch.outer(torch.ones(2), torch.ones(2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.amax(torch.ones(2), 0, out=torch.zeros((), dtype=torch.float64))
torch.any(torch.ones(2), 0, out=torch.zeros(()))
torch.std(torch.ones(2), 0, out=torch.zeros((), dtype=torch.float64))
torch.var(torch.ones(2), 0, out=torch.zeros((), dtype=torch.float64))
torch.norm(torch.ones(2), 2, 0, out=torch.zeros((), dtype=torch.float64))
torch.prod(torch.ones(2, 2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.clamp(torch.ones(2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.maximum(torch.ones(2), torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.tril(torch.ones(2, 2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.diag(torch.ones(2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.lerp(torch.ones(2), torch.ones(2), .5, out=torch.zeros(2, dtype=torch.float64))
torch.addcmul(torch.ones(2), torch.ones(2), torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.pow(torch.ones(2), 2, out=torch.zeros(2, dtype=torch.float64))
torch.round(torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.searchsorted(torch.ones(2), torch.ones(2), out=torch.zeros(2))
torch.searchsorted(torch.ones(2), torch.ones(2), out=torch.zeros(2, dtype=torch.int32))
torch.bucketize(torch.ones(2), torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.multinomial(torch.ones(2), 1, out=torch.zeros(1))
torch.take_along_dim(torch.ones(2), torch.tensor([0]), 0, out=torch.zeros(1, dtype=torch.float64))
torch.masked_select(torch.ones(2), torch.ones(2) > 0, out=torch.zeros(2, dtype=torch.float64))
torch.scatter(torch.ones(2), 0, torch.tensor([0]), 1., out=torch.zeros(2, dtype=torch.float64))
torch.linalg.inv(torch.eye(2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.linalg.det(torch.eye(2), out=torch.zeros((), dtype=torch.float64))
torch.linalg.norm(torch.ones(2), out=torch.zeros((), dtype=torch.float64))
torch.linalg.solve(torch.eye(2), torch.eye(2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.nanmean(torch.ones(2), 0, out=torch.zeros((), dtype=torch.float64))
torch.quantile(torch.ones(2), .5, out=torch.zeros((), dtype=torch.float64))
torch.kron(torch.ones(2), torch.ones(2), out=torch.zeros(4, dtype=torch.float64))
torch.cross(torch.ones(3), torch.ones(3), out=torch.zeros(3, dtype=torch.float64))
torch.floor_divide(torch.tensor([5]), 2, out=torch.zeros(1))
torch.bitwise_and(torch.tensor([5]), 2, out=torch.zeros(1))
torch.isposinf(torch.ones(2), out=torch.zeros(2))
torch.signbit(torch.ones(2), out=torch.zeros(2))
torch.renorm(torch.ones(2, 2), 2, 0, 1., out=torch.zeros(2, 2, dtype=torch.float64))
torch.logcumsumexp(torch.ones(2), 0, out=torch.zeros(2, dtype=torch.float64))
torch.histc(torch.ones(2), 2, out=torch.zeros(2, dtype=torch.float64))
torch.hstack([torch.ones(2)], out=torch.zeros(2, dtype=torch.float64))
torch.cholesky(torch.eye(2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.nan_to_num(torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
torch.inner(torch.ones(2), torch.ones(2), out=torch.zeros((), dtype=torch.float64))
torch.addr(torch.ones(2, 2), torch.ones(2), torch.ones(2), out=torch.zeros(2, 2, dtype=torch.float64))
torch.addmv(torch.ones(2), torch.ones(2, 2), torch.ones(2), out=torch.zeros(2, dtype=torch.float64))
x = torch.ones(1, 2, 2);; torch.baddbmm(x, x, x, out=torch.zeros(1, 2, 2, dtype=torch.float64))
"""

# We do what PyTorch refuses, or the definition where it has a slip of NumPy's or C's in its place.
DIFFERENCES = """\
torch.ones(2) != np.ones(2)
torch.tensor([True]) | np.array([False])
torch.ones(2, dtype=torch.int8) // 300
torch.full((2,), 44, dtype=torch.int8) == 300
torch.zeros(2, dtype=torch.uint8) > -1
torch.full((2,), 2**70, dtype=torch.float32)
torch.ones(4, 2).split(np.int64(2))
F.adaptive_avg_pool2d(torch.ones(1, 1, 4, 4), np.int64(2))
torch.arange(4)[[1.5]]
torch.arange(3).take_along_dim(torch.tensor([3]), 0)
F.ctc_loss(torch.zeros(3, 1, 2).log_softmax(2), torch.tensor([[5]]), torch.tensor([3]), torch.tensor([1]))
x = torch.zeros(2);; x[0] = np.float32(2);; x
"""
DIFFERENCES = DIFFERENCES.strip().splitlines()
