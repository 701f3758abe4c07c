"""Headers shared by the kernels; a package only so that installers carry them."""
