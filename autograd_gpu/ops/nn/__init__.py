"""The operations that `nn.functional` names: layers, activations and losses, one module per family."""
