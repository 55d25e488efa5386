#!/usr/bin/env python3
"""Calls of Kubernetes' container runtime interface, for the lab.

cri.py METHOD [JSON]  sends the request to the socket CRI_SOCKET (containerd's), prints the answer
cri.py --serve PATH   answers "METHOD JSON" at a socket: Python takes seconds to start in the lab;
                      the first line of an answer is the exit status of the former

Of
runtime/v1/api.proto it knows the messages and fields that the tests use, by the numbers they
have there.
"""
import os
import socket
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SECONDS = int(os.environ.get("CRI_SECONDS", "200"))  # that a call may take

# NAME: FIELD=NUMBER:TYPE ... ; a type that begins with * is repeated
MESSAGES = """
Metadata: name=1:string uid=2:string namespace=3:string attempt=4:uint32
IdMapping: host_id=1:uint32 container_id=2:uint32 length=3:uint32
UserNamespace: mode=1:int32 uids=2:*IdMapping gids=3:*IdMapping
NamespaceOption: network=1:int32 pid=2:int32 ipc=3:int32 target_id=4:string userns_options=5:UserNamespace
Pair: key=1:string value=2:string
SecurityProfile: profile_type=1:int32 localhost_ref=2:string
SandboxSecurity: namespace_options=1:NamespaceOption privileged=6:bool
LinuxSandbox: cgroup_parent=1:string security_context=2:SandboxSecurity sysctls=3:*Pair
SandboxConfig: metadata=1:Metadata hostname=2:string log_directory=3:string linux=8:LinuxSandbox
RunPodSandboxRequest: config=1:SandboxConfig runtime_handler=2:string
RunPodSandboxResponse: pod_sandbox_id=1:string
StopPodSandboxRequest: pod_sandbox_id=1:string
StopPodSandboxResponse:
RemovePodSandboxRequest: pod_sandbox_id=1:string
RemovePodSandboxResponse:
Sandbox: id=1:string metadata=2:Metadata state=3:int32
ListPodSandboxRequest:
ListPodSandboxResponse: items=1:*Sandbox
ContainerMetadata: name=1:string attempt=2:uint32
Image: image=1:string
Variable: key=1:string value=2:string
Mount: container_path=1:string host_path=2:string readonly=3:bool propagation=5:int32
HugepageLimit: page_size=1:string limit=2:uint64
Resources: cpu_period=1:int64 cpu_quota=2:int64 cpu_shares=3:int64 memory_limit_in_bytes=4:int64 oom_score_adj=5:int64 hugepage_limits=8:*HugepageLimit unified=9:*Pair
Capability: add_capabilities=1:*string drop_capabilities=2:*string
Number: value=1:int64
ContainerSecurity: capabilities=1:Capability privileged=2:bool namespace_options=3:NamespaceOption run_as_user=5:Number readonly_rootfs=7:bool supplemental_groups=8:*int64 no_new_privs=11:bool seccomp=15:SecurityProfile
LinuxContainer: resources=1:Resources security_context=2:ContainerSecurity
ContainerConfig: metadata=1:ContainerMetadata image=2:Image command=3:*string args=4:*string working_dir=5:string envs=6:*Variable mounts=7:*Mount log_path=11:string stdin=12:bool stdin_once=13:bool tty=14:bool linux=15:LinuxContainer
CreateContainerRequest: pod_sandbox_id=1:string config=2:ContainerConfig sandbox_config=3:SandboxConfig
CreateContainerResponse: container_id=1:string
StartContainerRequest: container_id=1:string
StartContainerResponse:
StopContainerRequest: container_id=1:string timeout=2:int64
StopContainerResponse:
RemoveContainerRequest: container_id=1:string
RemoveContainerResponse:
ContainerStatusRequest: container_id=1:string
ContainerStatus: id=1:string state=3:int32 exit_code=7:int32 reason=10:string message=11:string
ContainerStatusResponse: status=1:ContainerStatus
UpdateContainerResourcesRequest: container_id=1:string linux=2:Resources
UpdateContainerResourcesResponse:
ExecSyncRequest: container_id=1:string cmd=2:*string timeout=3:int64
ExecSyncResponse: stdout=1:bytes stderr=2:bytes exit_code=3:int32
ExecRequest: container_id=1:string cmd=2:*string tty=3:bool stdin=4:bool stdout=5:bool stderr=6:bool
ExecResponse: url=1:string
AttachRequest: container_id=1:string stdin=2:bool tty=3:bool stdout=4:bool stderr=5:bool
AttachResponse: url=1:string
ContainerStatsRequest: container_id=1:string
Usage: timestamp=1:int64 value=2:Number
ContainerStats: cpu=2:Usage memory=3:Usage
ContainerStatsResponse: stats=1:ContainerStats
VersionRequest: version=1:string
VersionResponse: version=1:string runtime_name=2:string runtime_version=3:string
ImageInfo: id=1:string repo_tags=2:*string
ListImagesRequest:
ListImagesResponse: images=1:*ImageInfo
"""


def messages():
    """The classes of all messages, by name."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="cri", package="cri", syntax="proto3")
    for line in MESSAGES.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for word in fields.split():
            key, number, kind = word.replace("=", ":").split(":")
            entry = message.field.add(name=key, json_name=key, number=int(number))
            repeated = kind.startswith("*")
            entry.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            kind = kind.lstrip("*")
            if kind[0].isupper():
                entry.type, entry.type_name = field.TYPE_MESSAGE, ".cri." + kind
            else:
                entry.type = getattr(field, "TYPE_" + kind.upper())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName("cri." + name))


class Client:
    """A connection to the engine; ask() makes one call."""

    def __init__(self, path):
        self.channel = grpc.insecure_channel("unix://" + path)
        self.message = messages()

    def ask(self, method, text):
        """The answer as JSON. grpc.RpcError, json_format.ParseError."""
        service = "ImageService" if method.endswith("Images") else "RuntimeService"
        call = self.channel.unary_unary(
            f"/runtime.v1.{service}/{method}",
            request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=self.message(method + "Response").FromString,
        )
        request = json_format.Parse(text or "{}", self.message(method + "Request")())
        answer = call(request, timeout=SECONDS, wait_for_ready=True)
        return json_format.MessageToJson(answer, preserving_proto_field_name=True,
                                         including_default_value_fields=True)

    def answer(self, request):
        """To "METHOD JSON": the exit status, a newline, the answer or an error."""
        method, _, text = request.strip().partition(" ")
        try:
            return "0\n" + self.ask(method, text) + "\n"
        except grpc.RpcError as error:
            return f"1\n{error.code().name}: {error.details()}\n"
        except (json_format.ParseError, KeyError) as error:
            return f"2\n{error}\n"


def serve(client, path):
    """Answer at socket @path, one connection after the other, until killed."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        peer, _ = listener.accept()
        with peer, peer.makefile("rw") as stream:
            stream.write(client.answer(stream.read()))


def main():
    """One call, or many."""
    client = Client(os.environ.get("CRI_SOCKET", "/run/containerd/containerd.sock"))
    if sys.argv[1] == "--serve":
        serve(client, sys.argv[2])
    status, _, text = client.answer(" ".join(sys.argv[1:3])).partition("\n")
    (sys.stderr if status != "0" else sys.stdout).write(text)
    sys.exit(int(status))


main()
