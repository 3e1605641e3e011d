namespace ControlPlane.Accounts.Tenants;

/// <summary>The fields of a new tenant as a visitor or an operator entered them.</summary>
public sealed record NewTenant
{
    public string? Email { get; init; }
    public string? Organization { get; init; }
    public string? Slug { get; init; }
    public string? Country { get; init; }
    public string? VatId { get; init; }

    /// <summary>Trims the fields and writes codes in capital letters.</summary>
    public NewTenant Normalize() => new()
    {
        Email = EmailAddress.Normalize(Email),
        Organization = Organization?.Trim(),
        Slug = Slug?.Trim(),
        Country = Country?.Trim().ToUpperInvariant(),
        VatId = Tenants.VatId.Normalize(VatId),
    };

    /// <summary>Validates normalized fields.</summary>
    public void Validate(FieldErrors errors)
    {
        errors.Check("email", EmailAddress.Validate(Email));
        errors.Check("organization", ValidateOrganization(Organization));
        errors.Check("slug", Tenants.Slug.Validate(Slug));
        var knownCountry = Country is not null && Countries.Contains(Country);
        errors.Check("country", knownCountry ? null : "Select a country.");
        if (VatId is not null && knownCountry)
        {
            errors.Check("vat_id", Tenants.VatId.Validate(VatId, Country!));
        }
    }

    internal static string? ValidateOrganization(string? name) => name switch
    {
        null or "" => "Enter the name of your organization, or your own.",
        { Length: > 200 } => "Use at most 200 characters.",
        _ when !PlainText.IsPrintable(name) => "Use letters, digits, spaces and punctuation only.",
        _ => null,
    };
}

/// <summary>Inserts rows of <c>control.tenant</c>. The fields must be valid. One that is active from the start was created by an operator, and so is approved.</summary>
static class TenantRows
{
    /// <returns>False when another tenant has the slug, including one inserted by a concurrent request.</returns>
    public static async Task<bool> InsertTenantAsync(
        this Transaction transaction, Guid id, NewTenant tenant, string region, string plan, string status, DateTimeOffset now, CancellationToken ct) =>
        await transaction.ExecuteAsync(
            Insert, ct, id, tenant.Slug, tenant.Organization, tenant.Country, tenant.VatId, region, plan, status, now, status == "active" ? now : null) == 1;

    const string Insert = """
        insert into control.tenant (id, slug, organization, country, vat_id, region, requested_plan, status, created_at, verified_at, approved_at, language)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, case when $4 in ('DE', 'AT', 'CH', 'LI') then 'de' else 'en' end) on conflict (slug) do nothing
        """;
}
