namespace ControlPlane.Accounts.Members;

/// <summary>Who gets the emails about a tenant's plan, invoices and environment.</summary>
public static class BillingContacts
{
    /// <returns>The addresses of owners and billing members, the first member first. One that is not confirmed may belong to someone else, and is left out.</returns>
    public static Task<List<string>> ConfirmedOwnersAndBillingAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync(Select, row => row.GetString(0), ct, tenant);

    const string Select = """
        select email from control.member where tenant_id = $1 and role in ('owner', 'billing') and confirmed_at is not null order by created_at, id
        """;
}
