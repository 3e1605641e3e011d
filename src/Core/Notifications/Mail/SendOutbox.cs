using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Notifications.Mail;

/// <summary>The address our mails are sent from.</summary>
public sealed record MailSender(string Address);

/// <summary>
/// The job <c>mail</c>: sends the mail that is due, several messages at once and urgent ones first. No transaction is open while a mail server is talked
/// to. A sender that is killed after sending and before recording it sends the message again under the same Message-ID, once its claim has expired.
/// </summary>
public sealed class SendOutbox(ControlDatabase database, IMailTransport transport, MailSender sender, Clock clock, ILogger<SendOutbox> log)
{
    const int Concurrency = 8;

    /// <summary>Mail that is not urgent leaves connections free for mail that is.</summary>
    const int BulkConcurrency = 5;

    /// <summary>To one domain, for urgent and other mail each: a slow domain delays its own mail only.</summary>
    const int ConcurrencyPerDomain = 2;

    /// <summary>Of one tenant, for mail that is not urgent.</summary>
    const int ConcurrencyPerTenant = 3;

    /// <summary>Longer than a transport takes for one message.</summary>
    static readonly TimeSpan ClaimDuration = TimeSpan.FromMinutes(1);

    /// <summary>After it, mail that is not urgent is left to the next run.</summary>
    static readonly TimeSpan MaxDuration = TimeSpan.FromMinutes(5);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (started, isServerAvailable) = (Stopwatch.GetTimestamp(), true);
        var outcomes = await QueueDrain.RunAsync<ClaimedMail, Outcome>(Concurrency, ClaimAsync, SendAsync, ct);
        return JobReport.Of(
            ("sent", outcomes.Count(outcome => outcome.State == State.Sent)), ("failed", outcomes.Count(outcome => outcome.State is State.Failed or State.Dead)),
            ("suppressed", outcomes.Count(outcome => outcome.State == State.Suppressed))) with
        { Alerts = [.. outcomes.Select(outcome => outcome.Alert).OfType<string>()] };

        // While the server is unavailable, other messages would fail as well, and the next run tries the next one. Only urgent ones are tried all the same.
        Task<ClaimedMail?> ClaimAsync(IReadOnlyCollection<ClaimedMail> active) =>
            ClaimNextAsync(active, isServerAvailable && Stopwatch.GetElapsedTime(started) < MaxDuration, ct);

        async Task<Outcome> SendAsync(ClaimedMail mail)
        {
            var result = await DeliverAsync(mail, ct);
            isServerAvailable &= result is not SendResult.Unavailable;
            return await RecordAsync(mail, result);
        }
    }

    /// <summary>Queues again what is dead, except for suppressed addresses.</summary>
    /// <returns>Messages queued.</returns>
    public async Task<int> RetryDeadAsync(string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var count = await transaction.ExecuteAsync(OutboxSql.RetryDead, ct);
        await transaction.ExecuteAsync("select pg_notify('control_job', 'mail')", ct);
        await transaction.AuditAsync(clock, tenant: null, actor, "mail.retried", new { count }, ct);
        await transaction.CommitAsync(ct);
        return count;
    }

    /// <summary>Decides that a dead message is never sent. It is deleted after its retention.</summary>
    /// <returns>False when no dead message has this id.</returns>
    public async Task<bool> DiscardDeadAsync(Guid id, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.DiscardDeadAsync(OutboxSql.DiscardDead, id, clock, actor, "mail.discarded", ct);
    }

    async Task<ClaimedMail?> ClaimNextAsync(IReadOnlyCollection<ClaimedMail> active, bool includeBulk, CancellationToken ct)
    {
        var bulk = active.Where(mail => !mail.IsUrgent).ToList();
        await using var transaction = await database.BeginJobAsync(ct);
        var claimed = await transaction.FirstAsync(
            OutboxSql.Claim,
            row => new ClaimedMail(
                new OutgoingMail(
                    row.GetGuid(0), sender.Address, row.GetString(1), row.GetString(2), row.GetString(3),
                    row.IsDBNull(4) ? null : new MailAttachment(row.GetString(4), row.GetFieldValue<byte[]>(5)), row.GetFieldValue<DateTimeOffset>(6))
                { Html = row.Get<string>(11) },
                row.Get<Guid?>(7), row.GetBoolean(8), row.GetInt32(9), row.GetFieldValue<DateTimeOffset>(10), row.GetBoolean(12)),
            ct,
            ClaimDuration, includeBulk && bulk.Count < BulkConcurrency, Busy(active.Where(mail => mail.IsUrgent), mail => mail.Domain, ConcurrencyPerDomain),
            Busy(bulk, mail => mail.Domain, ConcurrencyPerDomain), Busy(bulk.Where(mail => mail.Tenant is not null), mail => mail.Tenant!.Value, ConcurrencyPerTenant));
        await transaction.CommitAsync(ct);
        return claimed;
    }

    static T[] Busy<T>(IEnumerable<ClaimedMail> active, Func<ClaimedMail, T> key, int maximum) =>
        [.. active.GroupBy(key).Where(group => group.Count() >= maximum).Select(group => group.Key)];

    async Task<SendResult> DeliverAsync(ClaimedMail mail, CancellationToken ct)
    {
        if (mail.IsSuppressed)
        {
            return new SendResult.Undeliverable("The address is suppressed.");
        }

        if (mail.Attempt > QueueRetries.MaxAttempts)
        {
            return new SendResult.Undeliverable("Every attempt was interrupted before its result was recorded.");
        }

        try
        {
            return await transport.SendAsync(mail.Message, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await WriteAsync(new Statement(OutboxSql.Release, mail.Message.Id, mail.ClaimedUntil));
            throw;
        }
        catch (FormatException e)
        {
            return new SendResult.Undeliverable(e.Message);
        }
        catch (Exception e)
        {
            // The boundary of one message: whatever is wrong with it, the others are sent.
            log.LogError(e, "Mail {Mail} could not be sent", mail.Message.Id);
            return new SendResult.Rejected(e.Message);
        }
    }

    async Task<Outcome> RecordAsync(ClaimedMail mail, SendResult result)
    {
        switch (result)
        {
            case SendResult.Sent:
                await WriteAsync(new Statement(OutboxSql.RecordSent, mail.Message.Id));
                return new Outcome(State.Sent);
            case SendResult.AddressRefused { Reason: var reason }:
                await WriteAsync(Failure(mail, reason, isDead: true), MailSuppressions.AddRefused(clock, mail.Message.To, reason));
                return new Outcome(State.Suppressed, $"An email address was suppressed, because it refused mail {mail.Message.Id} permanently");
            case SendResult.Undeliverable { Reason: var reason }:
                return await RecordFailureAsync(mail, reason, isDead: true);
            case SendResult.Rejected { Reason: var reason }:
                return await RecordFailureAsync(mail, reason, mail.Attempt >= QueueRetries.MaxAttempts);
            case SendResult.Unavailable { Reason: var reason }:
                return await RecordFailureAsync(mail, reason, mail.Attempt >= QueueRetries.MaxAttempts);
            default:
                throw new UnreachableException();
        }
    }

    async Task<Outcome> RecordFailureAsync(ClaimedMail mail, string reason, bool isDead)
    {
        await WriteAsync(Failure(mail, reason, isDead));
        // Alerts are logged, so the reason is left out: it may contain the recipient's address.
        return mail.IsSuppressed ? new Outcome(State.Suppressed)
            : isDead ? new Outcome(State.Dead, $"Mail {mail.Message.Id} could not be sent and was dead-lettered; the reason is at /admin/deliveries")
            : new Outcome(State.Failed);
    }

    static Statement Failure(ClaimedMail mail, string reason, bool isDead) =>
        new(OutboxSql.RecordFailure, mail.Message.Id, mail.ClaimedUntil, QueueRetries.ErrorText(reason), isDead);

    // Also while the process is shutting down: the server may have accepted the message already.
    async Task WriteAsync(params Statement[] statements)
    {
        await using var transaction = await database.BeginJobAsync(CancellationToken.None);
        await transaction.SendAsync(statements, CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);
    }

    /// <param name="Attempt">1 for the first one.</param>
    /// <param name="ClaimedUntil">After it, another sender may take the message.</param>
    sealed record ClaimedMail(OutgoingMail Message, Guid? Tenant, bool IsUrgent, int Attempt, DateTimeOffset ClaimedUntil, bool IsSuppressed)
    {
        /// <summary>As in <see cref="OutboxSql.Claim"/>.</summary>
        public string Domain { get; } = Message.To[(Message.To.LastIndexOf('@') + 1)..].ToLowerInvariant();
    }

    enum State { Sent, Failed, Dead, Suppressed }

    sealed record Outcome(State State, string? Alert = null);
}
