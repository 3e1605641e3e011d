using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Billing.Taxes;

/// <param name="Source">Where it was read, for who checks it later.</param>
public sealed record NewTaxRate(string? Country, string? Kind, DateOnly? ValidFrom, decimal? Percent, string? Source);

public abstract record AddTaxRateResult
{
    public sealed record Added(TaxRate Rate) : AddTaxRateResult;
    public sealed record Invalid(FieldErrors Errors) : AddTaxRateResult;
    /// <summary>There is a rate from that day on, and rates are never changed.</summary>
    public sealed record Taken(FieldErrors Errors) : AddTaxRateResult;
}

/// <summary>Lists and adds VAT rates. A rate that changes is a row with a later date.</summary>
public sealed class EditTaxRates(ControlDatabase database, Clock clock)
{
    const decimal Maximum = 50;

    /// <returns>By country and kind, the latest first.</returns>
    public async Task<List<TaxRate>> ListAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync("select country, kind, valid_from, percent from control.tax_rate order by country, kind desc, valid_from desc", TaxRateTable.Read, ct);
    }

    public async Task<AddTaxRateResult> AddAsync(NewTaxRate rate, string actor, CancellationToken ct)
    {
        if (Validate(rate) is { Count: > 0 } errors)
        {
            return new AddTaxRateResult.Invalid(errors);
        }

        var added = new TaxRate(rate.Country!, rate.Kind ?? "standard", rate.ValidFrom!.Value, rate.Percent!.Value);
        await using var transaction = await database.BeginJobAsync(ct);
        if (await transaction.ExecuteAsync(Insert, ct, added.Country, added.Kind, added.ValidFrom, added.Percent, $"{rate.Source!.Trim()} ({actor})") == 0)
        {
            return new AddTaxRateResult.Taken(new FieldErrors { ["valid_from"] = "There is a rate from this day on. Rates are not changed: add one with a later day." });
        }

        await transaction.AuditAsync(clock, null, actor, "tax_rate.added", added, ct);
        await transaction.CommitAsync(ct);
        return new AddTaxRateResult.Added(added);
    }

    // What was supplied until today may have been invoiced.
    FieldErrors Validate(NewTaxRate rate)
    {
        var errors = new FieldErrors();
        errors.Check("country", rate.Country is { } country && Countries.Contains(country) ? null : "Enter a two-letter code such as DE.");
        errors.Check("kind", rate.Kind is null or "standard" or "reduced" ? null : "Use standard or reduced.");
        errors.Check("valid_from", rate.ValidFrom > DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime) ? null : "Enter the first day of the rate, tomorrow at the earliest, such as 2027-01-01.");
        errors.Check("percent", rate.Percent is >= 0 and <= Maximum && decimal.Round(rate.Percent.Value, 2) == rate.Percent ? null : "Enter a rate in percent from 0 to 50, such as 19 or 25.5.");
        errors.Check("source", rate.Source?.Trim() is { Length: > 0 and <= 200 } ? null : "Enter where you have read it, at most 200 characters.");
        return errors;
    }

    const string Insert = "insert into control.tax_rate (country, kind, valid_from, percent, source) values ($1, $2, $3, $4, $5) on conflict do nothing";
}
