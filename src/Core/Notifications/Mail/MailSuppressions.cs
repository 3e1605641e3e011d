using Microsoft.Extensions.Logging;

namespace ControlPlane.Notifications.Mail;

/// <summary>An address that gets no mail until an operator lifts the suppression.</summary>
/// <param name="Kind"><c>bounce</c>: it refused mail permanently; <c>complaint</c>: its owner reported mail as spam.</param>
public sealed record SuppressedAddress(Guid Id, string Address, string Kind, string Reason, DateTimeOffset CreatedAt);

/// <summary>The addresses that get no mail. Sending to them would harm the reputation of the sender, and with it the delivery of everyone's mail.</summary>
public sealed class MailSuppressions(ControlDatabase database, Clock clock, ILogger<MailSuppressions> log)
{
    /// <param name="kind"><c>bounce</c> or <c>complaint</c>.</param>
    /// <returns>False when the address is suppressed already.</returns>
    public async Task<bool> AddAsync(string address, string kind, string reason, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var add = Add(clock, address, kind, reason);
        if (await transaction.ExecuteAsync(add.Sql, ct, add.Args) == 0)
        {
            return false;
        }

        await transaction.AuditAsync(clock, tenant: null, actor, "mail_suppression.added", new { id = add.Args[0], kind }, ct);
        await transaction.CommitAsync(ct);
        log.LogWarning("An email address was suppressed after a {Kind}: {Suppression}", kind, add.Args[0]);
        return true;
    }

    /// <summary>Mail is sent to the address again; mail that was discarded meanwhile is not, unless it is retried.</summary>
    /// <returns>False when there is no such suppression.</returns>
    public async Task<bool> LiftAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ExecuteAsync("delete from control.mail_suppression where id = $1", ct, id) == 0)
        {
            return false;
        }

        await transaction.AuditAsync(clock, tenant: null, actor, "mail_suppression.lifted", new { id }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <param name="cursor">Id of the last suppression of the former page; null: from the newest on.</param>
    /// <returns>Newest first.</returns>
    public async Task<IReadOnlyList<SuppressedAddress>> ListAsync(Guid? cursor, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            Select,
            row => new SuppressedAddress(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4)), ct, cursor, limit);
    }

    internal static Statement Add(Clock clock, string address, string kind, string reason) =>
        new(Insert, Ids.New(clock), address, kind, QueueRetries.ErrorText(reason), clock.GetUtcNow());

    /// <summary>After an address has refused mail. A server may distinguish upper and lower case before the @, and someone else may have written the address, so a refusal of
    /// another spelling says nothing about the confirmed one.</summary>
    internal static Statement AddRefused(Clock clock, string address, string reason) =>
        new(InsertRefused, Ids.New(clock), address, "bounce", QueueRetries.ErrorText(reason), clock.GetUtcNow());

    // The first reason is kept.
    const string Insert = """
        insert into control.mail_suppression (id, address, kind, reason, created_at) values ($1, lower($2), $3, $4, $5) on conflict (address) do nothing
        """;

    const string InsertRefused = """
        insert into control.mail_suppression (id, address, kind, reason, created_at)
        select $1, lower($2), $3, $4, $5
        where coalesce((select bool_or(split_part(m.email, '@', 1) = split_part($2, '@', 1)) from control.member m
                        where lower(m.email) = lower($2) and m.confirmed_at is not null), true)
        on conflict (address) do nothing
        """;

    const string Select = """
        select id, address, kind, reason, created_at from control.mail_suppression where $1::uuid is null or id < $1 order by id desc limit $2
        """;
}
