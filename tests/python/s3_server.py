"""A stand-in for S3 for the tests: moto's server on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECRET = "a-word-that-nobody-writes"
BUCKET = "pitwall"
# The tests must not use the credentials of a real account.
NO_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "",
    "AWS_SESSION_TOKEN": "",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def running_server() -> Iterator[str]:
    """The address of an S3 server."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Prefix:
    """A prefix of the bucket: a client for the tests, and the environment for the scripts."""

    def __init__(self, server: str, prefix: str) -> None:
        from botocore.session import get_session

        self.prefix = prefix
        self.url = f"s3://{BUCKET}/{prefix}"
        self.environment = {
            **NO_ACCOUNT,
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": server,
        }
        self.client: Any = get_session().create_client(
            "s3",
            endpoint_url=server,
            region_name="us-east-1",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key=SECRET,
        )

    def objects(self) -> dict[str, Any]:
        """The time at which each object below the prefix was uploaded, by name."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=self.prefix + "/").get("Contents", [])
        return {each["Key"].removeprefix(self.prefix + "/"): each["LastModified"] for each in found}

    def read(self, name: str) -> bytes:
        """The content of an object."""
        return self.client.get_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}")["Body"].read()

    def put(self, name: str, content: bytes) -> None:
        """Upload an object without the scripts."""
        self.client.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}", Body=content)
