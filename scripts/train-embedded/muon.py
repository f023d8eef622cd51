"""Muon: momentum whose matrix updates are orthogonalised (Jordan et al. 2024, github.com/KellerJordan/Muon).

On a corpus of a few million tokens it reaches the loss of AdamW in clearly fewer steps, which matters where the
whole run has two cores. Used for the matrices inside the layers; embeddings and norms stay with AdamW.
"""
import torch


def orthogonalise(g: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Nearest semi-orthogonal matrix of g (m, n) by the quintic Newton-Schulz iteration of the reference code."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    wide = x if x.size(0) <= x.size(1) else x.T
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if x.size(0) <= x.size(1) else wide.T


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group['params']:
                state = self.state[p]
                buffer = state.setdefault('momentum', torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group['momentum'])
                update = orthogonalise(p.grad.lerp(buffer, group['momentum']))
                # Scaled so that an entry's root mean square matches AdamW's: one learning rate serves both.
                p.mul_(1 - group['lr'] * group['weight_decay'])
                p.add_(update, alpha=-group['lr'] * 0.2 * max(p.shape) ** 0.5)
