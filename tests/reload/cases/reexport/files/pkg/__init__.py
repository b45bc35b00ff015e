from pkg.sub import f
