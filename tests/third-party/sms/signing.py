"""Signs requests by the public SDK. Reads one JSON object a line, and prints one: the headers that the SDK gives it.

A request that has an X-Sdk-Date keeps it, so that a signature which is there already is made again.
"""

import json
import sys

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer


class Credentials:
    def __init__(self, ak, sk):
        self.ak = ak
        self.sk = sk


for line in sys.stdin:
    given = json.loads(line)
    request = SdkRequest(
        method=given["method"],
        schema="https",
        host=given["host"],
        resource_path=given["path"],
        query_params=[tuple(pair) for pair in given["query"]],
        header_params=given["headers"],
        body=given["body"].encode(),
    )
    signed = Signer(Credentials(given["key"], given["secret"])).sign(request)
    print(json.dumps({"headers": signed.header_params, "uri": signed.uri}), flush=True)
