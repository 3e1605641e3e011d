using ControlPlane.Accounts;
using ControlPlane.Accounts.Members;
using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Taxes;

namespace ControlPlane.Billing;

/// <summary>An organization with what is known about its VAT id.</summary>
/// <param name="VatIdStatus"><c>confirmed</c>, <c>pending</c> or <c>unconfirmed</c>; null: there is none.</param>
public sealed record KnownOrganization(Organization Organization, string? VatIdStatus);

public abstract record EditOrganizationResult
{
    public sealed record Done(KnownOrganization Known) : EditOrganizationResult;
    public sealed record Invalid(FieldErrors Errors) : EditOrganizationResult;
    public sealed record NotFound : EditOrganizationResult;
}

/// <summary>Shows and changes what a tenant's next invoice says about the buyer. Invoices that exist keep what held when they were written.</summary>
public sealed class EditOrganization(ControlDatabase database, Clock clock, AccountOptions accounts)
{
    readonly MailLimits _limits = new(clock, accounts);

    /// <returns>null when there is no such tenant.</returns>
    public async Task<KnownOrganization?> FindAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.OrganizationAsync(tenant, ct) is { } found ? new KnownOrganization(found, await StatusAsync(transaction, tenant, ct)) : null;
    }

    /// <param name="change">From the present fields to the wanted ones. What it adds to the errors refuses the change.</param>
    public async Task<EditOrganizationResult> RunAsync(Guid tenant, Func<Organization, FieldErrors, Organization> change, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.LockOrganizationAsync(tenant, ct) is not { } present)
        {
            return new EditOrganizationResult.NotFound();
        }

        var errors = new FieldErrors();
        var changed = change(present, errors).Normalize();
        foreach (var (field, error) in changed.Validate())
        {
            errors.Check(field, error);
        }

        if (errors.Count == 0 && changed.InvoiceEmail is { } email && email != present.InvoiceEmail && await IsTooManyAsync(transaction, tenant, email, ct))
        {
            errors.Check("invoice_email", "You have entered too many new addresses today. Try again tomorrow, or leave it empty: owners and billing members get the mails.");
        }

        if (errors.Count > 0)
        {
            return new EditOrganizationResult.Invalid(errors);
        }

        if (changed != present)
        {
            await transaction.UpdateOrganizationAsync(tenant, changed, ct);
            await (changed.VatId != present.VatId ? transaction.RequestVatConfirmationAsync(clock, tenant, ct) : Task.CompletedTask);
            await transaction.AuditAsync(clock, tenant, actor, "organization.changed", new { fields = Differences(present, changed) }, ct);
        }

        var status = await StatusAsync(transaction, tenant, ct);
        await transaction.CommitAsync(ct);
        return new EditOrganizationResult.Done(new KnownOrganization(changed, status));
    }

    // The address is not confirmed: it counts like an invitation, so that a tenant cannot have mails sent to any number of strangers.
    async Task<bool> IsTooManyAsync(Transaction transaction, Guid tenant, string address, CancellationToken ct) =>
        !await transaction.ScalarAsync<bool>(IsMember, ct, tenant, address)
        && await _limits.CountAsync(transaction, new MailCause(RateCounter.InvitationMail, RequestOrigin.Tenant(tenant)), tenant, address, hasLink: false, ct) is not null;

    // Names only: the audit log is kept for longer than addresses.
    static IEnumerable<string> Differences(Organization before, Organization after)
    {
        (string Field, string? Before, string? After)[] fields =
        [
            ("name", before.Name, after.Name), ("line1", before.Line1, after.Line1), ("line2", before.Line2, after.Line2), ("postal_code", before.PostalCode, after.PostalCode),
            ("city", before.City, after.City), ("state", before.State, after.State), ("country", before.Country, after.Country),
            ("invoice_email", before.InvoiceEmail, after.InvoiceEmail), ("reference", before.Reference, after.Reference), ("vat_id", before.VatId, after.VatId),
            ("language", before.Language, after.Language),
        ];
        return fields.Where(field => field.Before != field.After).Select(field => field.Field);
    }

    static Task<string?> StatusAsync(Transaction transaction, Guid tenant, CancellationToken ct) => transaction.ScalarAsync<string>(Status, ct, tenant);

    const string IsMember = "select exists (select from control.member where tenant_id = $1 and lower(email) = lower($2) and confirmed_at is not null)";

    // While the register is asked once more, its last answer about this id holds.
    const string Status = """
        select case when t.vat_id is null then null
                    else coalesce((select case c.state when 'valid' then 'confirmed' when 'requested' then 'pending' else 'unconfirmed' end
                                   from control.vat_confirmation c where c.tenant_id = t.id and c.vat_id = t.vat_id order by c.answered_at is not null desc, c.answered_at desc, c.requested_at desc limit 1), 'unconfirmed') end
        from control.tenant t where t.id = $1
        """;
}
