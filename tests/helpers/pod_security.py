"""The rules of the restricted Pod Security Standard.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator

from tests.helpers.manifests import Manifest

VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
}
SYSCTLS = {
    *(
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
    ),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SECCOMP = {"RuntimeDefault", "Localhost"}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(pod: Manifest) -> Iterator[str]:
    """Yield the name of each rule that a pod breaks."""
    spec = pod["spec"]
    shared = spec.get("securityContext", {})
    annotations = pod.get("metadata", {}).get("annotations", {})
    rules = {
        "host namespaces": any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")),
        "volume types": any(set(it) - {"name"} - VOLUMES for it in spec.get("volumes", [])),
        "sysctls": {one["name"] for one in shared.get("sysctls", [])} - SYSCTLS,
        "apparmor": any("apparmor" in name for name in annotations),
        **check_context(shared),
    }
    yield from (rule for rule, broken in rules.items() if broken)
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind, []):
            rules = check_container(container, shared, container.get("securityContext", {}))
            yield from (rule for rule, broken in rules.items() if broken)


def check_context(context: Manifest) -> dict[str, object]:
    """Return the rules for settings of both pods and containers, and whether each is broken."""
    selinux = context.get("seLinuxOptions", {})
    return {
        "runAsUser": context.get("runAsUser") == 0,
        "selinux": selinux.get("type") not in SELINUX or selinux.get("user") or selinux.get("role"),
        "hostProcess": context.get("windowsOptions", {}).get("hostProcess"),
        "apparmor": context.get("appArmorProfile", {}).get("type") == "Unconfined",
    }


def check_container(container: Manifest, shared: Manifest, own: Manifest) -> dict[str, object]:
    """Return the rules for a container, whose context overrides the pod's, and which are broken."""
    context, capabilities = shared | own, own.get("capabilities", {})
    hooks = [container.get(name, {}) for name in PROBES] + [
        *container.get("lifecycle", {}).values()
    ]
    requests = [hook.get(how, {}) for hook in hooks for how in ("httpGet", "tcpSocket")]
    return {
        "privileged": own.get("privileged"),
        "privilege escalation": own.get("allowPrivilegeEscalation") is not False,
        "runAsNonRoot": context.get("runAsNonRoot") is not True,
        "seccomp": context.get("seccompProfile", {}).get("type") not in SECCOMP,
        "capabilities are kept": "ALL" not in capabilities.get("drop", []),
        "capabilities are added": set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"},
        "hostPort": any(port.get("hostPort") for port in container.get("ports", [])),
        "procMount": own.get("procMount", "Default") != "Default",
        "host of a probe": any(one.get("host") for one in requests),
        **check_context(own),
    }
