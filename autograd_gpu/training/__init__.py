"""The jobs that ``autograd-gpu train`` runs, and what they share. Needs the ``train`` extra."""
