using System.Text.Json;

namespace ControlPlane.Platform.Audit;

/// <summary>Records who did what, in the transaction that did it. Never log secrets, email addresses or prompts here.</summary>
public static class AuditLog
{
    /// <param name="actor"><c>member:{id}</c>, <c>key:{id}</c>, <c>operator:{name}</c>, <c>operator</c> (the key of the setting), <c>job:{name}</c> or <c>visitor</c>.</param>
    /// <param name="action">Past tense, dotted: <c>tenant.verified</c>.</param>
    public static Task AuditAsync(
        this Transaction transaction, TimeProvider clock, Guid? tenant, string actor, string action, object? detail, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "insert into control.audit_log (id, tenant_id, actor, action, detail, occurred_at) values ($1, $2, $3, $4, $5::jsonb, $6)",
            ct, Ids.New(clock), tenant, actor, action, JsonSerializer.Serialize(detail ?? new { }), clock.GetUtcNow());
}
