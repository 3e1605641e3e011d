using ControlPlane.Accounts;

namespace ControlPlane.Billing.Credits;

/// <summary>What an operator adds to a tenant's next invoices, before tax.</summary>
/// <param name="Kind"><c>goodwill</c>: used up by the invoices that follow; <c>manual</c>: a line of the next one, also a negative one.</param>
/// <param name="Description">Printed on the invoice.</param>
/// <param name="Reason">For the audit log.</param>
public sealed record NewAdjustment(string? Kind, string? Description, decimal? Amount, string? Reason);

public abstract record AddAdjustmentResult
{
    public sealed record Added(Guid Id) : AddAdjustmentResult;
    public sealed record Invalid(FieldErrors Errors) : AddAdjustmentResult;
    public sealed record NotFound : AddAdjustmentResult;
}

public sealed class AddAdjustment(ControlDatabase database, Clock clock)
{
    const decimal Maximum = 100_000m;

    public async Task<AddAdjustmentResult> RunAsync(Guid tenant, NewAdjustment adjustment, string actor, CancellationToken ct)
    {
        if (Validate(adjustment) is { Count: > 0 } errors)
        {
            return new AddAdjustmentResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        if (await AddAsync(transaction, clock, tenant, adjustment, actor, ct) is not { } id)
        {
            return new AddAdjustmentResult.NotFound();
        }

        await transaction.CommitAsync(ct);
        return new AddAdjustmentResult.Added(id);
    }

    /// <param name="adjustment">A valid one.</param>
    /// <returns>null: the tenant is deleted.</returns>
    internal static async Task<Guid?> AddAsync(Transaction transaction, Clock clock, Guid tenant, NewAdjustment adjustment, string actor, CancellationToken ct)
    {
        var id = Ids.New(clock);
        if (await transaction.ExecuteAsync(
            Insert, ct, id, tenant, adjustment.Kind, adjustment.Description!.Trim(), adjustment.Amount, adjustment.Reason!.Trim(), actor, clock.GetUtcNow()) == 0)
        {
            return null;
        }

        await transaction.AuditAsync(
            clock, tenant, actor, "adjustment.added", new { id, kind = adjustment.Kind, amount = adjustment.Amount, reason = adjustment.Reason.Trim() }, ct);
        return id;
    }

    static FieldErrors Validate(NewAdjustment adjustment)
    {
        var errors = new FieldErrors();
        errors.Check("kind", adjustment.Kind is "goodwill" or "manual" ? null : "Use goodwill or manual.");
        errors.Check("description", Text(adjustment.Description, "the text of the invoice line"));
        errors.Check("reason", Text(adjustment.Reason, "a reason"));
        errors.Check("amount", adjustment.Amount switch
        {
            null or 0 => "Enter an amount in EUR, before tax.",
            var amount when Money.ToCents(amount.Value) != amount => "Enter at most 2 decimals.",
            > Maximum or < -Maximum => "Enter an amount of at most 100000.",
            < 0 when adjustment.Kind == "goodwill" => "Enter goodwill as a positive amount: it is taken off the invoice.",
            _ => null,
        });
        return errors;
    }

    static string? Text(string? text, string what) =>
        text?.Trim() is { Length: > 0 and <= 200 } trimmed && PlainText.IsPrintable(trimmed) ? null : $"Enter {what} of 1 to 200 characters.";

    const string Insert = """
        insert into control.adjustment (id, tenant_id, kind, description, amount, remaining, reason, created_by, created_at)
        select $1, id, $3, $4, $5, $5, $6, $7, $8 from control.tenant where id = $2 and status <> 'deleted'
        """;
}
