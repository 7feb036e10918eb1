"""Strict JSON Schemas of what the KubeRay file holds: Kubernetes' own from lightkube's models, KubeRay's by hand.

KubeRay publishes its schema as a manifest of its repository only, in no package. The fields here are those of its
reference that a sweep could want, names and types: https://docs.ray.io/en/master/kuberay/references/api.html
"""

from typing import Any

import msgspec
from lightkube.models import core_v1, networking_v1
from lightkube.models.meta_v1 import ObjectMeta

Schema = dict[str, Any]
KUBERNETES = (core_v1.PodTemplateSpec, core_v1.ServiceAccount, networking_v1.NetworkPolicy, ObjectMeta)
(_POD, _ACCOUNT, _POLICY, _META), _PARTS = msgspec.json.schema_components(KUBERNETES, ref_template="#/$defs/{name}")
TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": TEXT}


def _closed(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_GROUP = {"rayStartParams": TEXTS, "template": _POD}
_HEAD = _closed(
    ("rayStartParams", "template"),
    serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    enableIngress=FLAG,
    **_GROUP,
)
_WORKERS = _closed(
    ("groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"),
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    numOfHosts=COUNT,
    idleTimeoutSeconds=COUNT,
    **_GROUP,
)
_CLUSTER = _closed(
    ("headGroupSpec",),
    rayVersion=TEXT,
    authOptions=_closed(mode={"enum": ["disabled", "token"]}, secretName=TEXT),
    enableInTreeAutoscaling=FLAG,
    suspend=FLAG,
    headGroupSpec=_HEAD,
    workerGroupSpecs={"type": "array", "items": _WORKERS},
)
_JOB = _closed(
    activeDeadlineSeconds=COUNT,
    backoffLimit=COUNT,
    clusterSelector=TEXTS,
    entrypoint=TEXT,
    entrypointNumCpus=NUMBER,
    entrypointNumGpus=NUMBER,
    entrypointResources=TEXT,
    jobId=TEXT,
    metadata=TEXTS,
    rayClusterSpec=_CLUSTER,
    runtimeEnvYAML=TEXT,
    shutdownAfterJobFinishes=FLAG,
    submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
    submitterConfig=_closed(backoffLimit=COUNT),
    submitterPodTemplate=_POD,
    suspend=FLAG,
    ttlSecondsAfterFinished=COUNT,
)
_RAYJOB = _closed(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=_META,
    spec=_JOB,
)


def _shut(part: Schema) -> Schema:
    """Kubernetes' types refuse fields that they do not know, as its own server does when asked to (fieldValidation)."""
    return {"additionalProperties": False, **part} if part.get("properties") else part


def schema(kind: str) -> Schema:
    """Of RayJob, ServiceAccount or NetworkPolicy."""
    top = {"RayJob": _RAYJOB, "ServiceAccount": _ACCOUNT, "NetworkPolicy": _POLICY}[kind]
    return {**top, "$defs": {name: _shut(part) for name, part in _PARTS.items()}}
