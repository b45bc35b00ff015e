import torch


def factor(epoch):
    return 10.0


def make():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def probe(kept):
    optimizer, scheduler = kept
    optimizer.step()
    scheduler.step()
    return optimizer.param_groups[0]["lr"]
