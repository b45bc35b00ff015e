"""Two networks of the same shapes, trained in a function, that know nothing of snapshots; the second makes the first
step. Prints each loss, and what the step has made of the weights."""

import torch

from tests.resume.orders import orders


def main() -> None:
    torch.manual_seed(0)
    one, other = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    first = torch.optim.Adam(one.parameters(), lr=1e-2)
    second = torch.optim.Adam(other.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(second, step_size=2, gamma=0.9)
    for _ in range(10):
        orders.pass_begins()
        for name, net, optimizer in (("other", other, second), ("one", one, first)):
            loss = net(torch.randn(8, 4)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            weights = float(torch.cat([each.detach().flatten() for each in net.parameters()]).sum())
            print(f"loss {name} {float(loss.detach()).hex()} {weights.hex()}", flush=True)
        scheduler.step()


main()
