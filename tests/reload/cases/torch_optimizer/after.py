import torch


class Descent(torch.optim.SGD):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.fill_(10)


def make():
    weight = torch.nn.Parameter(torch.zeros(1))
    return Descent([weight], lr=1.0)


def probe(kept):
    kept.step()
    return kept.param_groups[0]["params"][0].item()
