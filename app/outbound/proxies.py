"""The proxies that the environment names."""

import urllib.request


def proxy_of_environment(scheme: str, host: str) -> str | None:
    """Return the proxy through which a host is to be reached, as a URL; None where it is reached directly."""
    if urllib.request.proxy_bypass(host):
        return None
    named = urllib.request.getproxies()
    proxy = named.get(scheme)
    if not proxy and named.get("all", "").startswith("http"):
        proxy = named["all"]
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
