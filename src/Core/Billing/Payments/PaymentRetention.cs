namespace ControlPlane.Billing.Payments;

/// <summary>When notifications of payment providers are deleted. What they led to stays: payments, attempts and settlements.</summary>
public static class PaymentRetention
{
    public static IReadOnlyList<Purge> Purges =>
    [
        new(RetentionClasses.Events, "provider_events", DeleteEvents, IsRealTime: true),
        new(RetentionClasses.Tenants, "payment_methods", EraseMethods),
    ];

    // How payments were agreed stays.
    const string EraseMethods = $"""
        update control.billing_profile set provider = null, customer_id = null, method_id = null, method_kind = null, method_label = null, method_expires_on = null
        where tenant_id in (
            select p.tenant_id from control.billing_profile p
            where num_nonnulls(p.customer_id, p.method_id, p.method_label) > 0 and p.tenant_id in ({DeletedTenants.Erasable}) limit $2)
        """;

    const string DeleteEvents = """
        delete from control.provider_event where (provider, id) in (
            select provider, id from control.provider_event where received_at < $1 and state <> 'received' order by received_at limit $2)
        """;
}
