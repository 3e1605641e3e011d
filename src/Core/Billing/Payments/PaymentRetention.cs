namespace ControlPlane.Billing.Payments;

/// <summary>When notifications of payment providers are deleted. What they led to stays: payments, attempts and settlements.</summary>
public static class PaymentRetention
{
    public static IReadOnlyList<Purge> Purges => [new(RetentionClasses.Events, "provider_events", DeleteEvents, IsRealTime: true)];

    const string DeleteEvents = """
        delete from control.provider_event where (provider, id) in (
            select provider, id from control.provider_event where received_at < $1 and state <> 'received' order by received_at limit $2)
        """;
}
