from pkg.sub import LIMIT
