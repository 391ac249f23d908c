"""Drives the operations interface by the client in directory DIR/ops_client, which was generated from the committed document.

Usage: client.py DIR URL, with the token in the environment as TRIALGATE_OPS_TOKEN. Prints what it saw, as JSON.
"""

import json
import os
import sys

directory, url = sys.argv[1:]
sys.path.insert(0, directory)

from ops_client import AuthenticatedClient  # noqa: E402
from ops_client.api.customers import list_tenants, show_phone, show_tenant  # noqa: E402
from ops_client.api.messages import list_mails, retry_mail, set_email_quota, show_email_quota  # noqa: E402
from ops_client.api.people import add_operator, list_audit, me, revoke_operator  # noqa: E402
from ops_client.api.pool import access_code_stock, import_access_codes  # noqa: E402
from ops_client.models import ImportRow, ImportRows, NewOperator, Problem, SetQuota  # noqa: E402

client = AuthenticatedClient(base_url=url, token=os.environ["TRIALGATE_OPS_TOKEN"])
stranger = AuthenticatedClient(base_url=url, token="tgo_nobody")


def refused(answer):
    assert isinstance(answer.parsed, Problem), answer
    return [answer.status_code.value, answer.parsed.type_]


tenants = list_tenants.sync(client=client)
tenant = tenants.items[0]
revealed = show_tenant.sync(tenant.id, client=client, reveal=True)
mail = list_mails.sync(client=client, tenant=tenant.id).items[0]
rows = ImportRows(rows=[ImportRow(kind="voice", code="97001"), ImportRow(kind="multimedia", code="chat-97001")])
imported = import_access_codes.sync(client=client, body=rows, dry_run=False)
bad = ImportRows(rows=[ImportRow(kind="fax", code="1")])
added = add_operator.sync(client=client, body=NewOperator(name="made-by-client", role="viewer", expires_in_days=1))
viewer = AuthenticatedClient(base_url=url, token=added.token)

print(
    json.dumps(
        {
            "me": me.sync(client=client).role,
            "masked": [tenant.phone, tenant.email],
            "revealed": [revealed.phone, revealed.email],
            "mail": [mail.kind, mail.to, mail.tenant == tenant.id],
            "phone": show_phone.sync(revealed.phone, client=client).locked,
            "imported": imported.added,
            "free": [kind.free for kind in access_code_stock.sync(client=client).stock],
            "threshold": set_email_quota.sync(client=client, body=SetQuota(threshold=1234)).today.threshold,
            "days": len(show_email_quota.sync(client=client, days=3).days),
            "refused": {
                "stranger": refused(me.sync_detailed(client=stranger)),
                "viewer": refused(set_email_quota.sync_detailed(client=viewer, body=SetQuota(threshold=1))),
                "rows": refused(import_access_codes.sync_detailed(client=client, body=bad)),
                "retry": refused(retry_mail.sync_detailed(mail.id, client=client)),
            },
            "revoked": revoke_operator.sync_detailed("made-by-client", client=client).status_code.value,
            "audit": [entry.action for entry in list_audit.sync(client=client, actor="root", limit=6).items],
        }
    )
)
