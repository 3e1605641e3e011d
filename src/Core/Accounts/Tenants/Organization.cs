namespace ControlPlane.Accounts.Tenants;

/// <summary>Who a tenant is: what its invoices say about the buyer, and where mails about money go. Empty fields are null.</summary>
/// <param name="Country">ISO 3166-1 alpha-2.</param>
/// <param name="InvoiceEmail">null: mails about money go to the owners and billing members.</param>
/// <param name="Reference">Printed on invoices, such as a purchase order number or Leitweg-ID.</param>
/// <param name="Language">Of mails: <c>en</c> or <c>de</c>.</param>
public sealed record Organization(
    string? Name, string? Line1, string? Line2, string? PostalCode, string? City, string? State, string? Country, string? InvoiceEmail, string? Reference,
    string? VatId, string? Language)
{
    /// <summary>Countries whose addresses have no postal code, of those with customers to expect; elsewhere it may be missing, too.</summary>
    static readonly HashSet<string> WithoutPostalCode = ["AE", "HK", "QA", "BS", "PA", "JM", "UG", "GH", "AO"];

    /// <summary>Trims the fields and writes codes in capital letters.</summary>
    public Organization Normalize() => new(
        Trimmed(Name), Trimmed(Line1), Trimmed(Line2), Trimmed(PostalCode), Trimmed(City), Trimmed(State), Trimmed(Country)?.ToUpperInvariant(),
        Trimmed(EmailAddress.Normalize(InvoiceEmail)), Trimmed(Reference), Tenants.VatId.Normalize(VatId), Trimmed(Language)?.ToLowerInvariant());

    /// <summary>Validates normalized fields. An address may be incomplete until an invoice needs it: <see cref="MissingForInvoice"/>.</summary>
    public FieldErrors Validate()
    {
        var errors = new FieldErrors();
        errors.Check("name", NewTenant.ValidateOrganization(Name));
        errors.Check("line1", Text(Line1, 200));
        errors.Check("line2", Text(Line2, 200));
        errors.Check("postal_code", Text(PostalCode, 20));
        errors.Check("city", Text(City, 100));
        errors.Check("state", Text(State, 100));
        var knownCountry = Country is not null && Countries.Contains(Country);
        errors.Check("country", knownCountry ? null : "Select a country.");
        errors.Check("invoice_email", InvoiceEmail is null ? null : EmailAddress.Validate(InvoiceEmail));
        errors.Check("reference", Text(Reference, 200));
        errors.Check("vat_id", VatId is null || !knownCountry ? null : Tenants.VatId.Validate(VatId, Country!));
        errors.Check("language", Language is "en" or "de" ? null : "Use en or de.");
        return errors;
    }

    /// <returns>The fields that an invoice needs and that are empty, with what to enter.</returns>
    public FieldErrors MissingForInvoice()
    {
        var errors = new FieldErrors();
        errors.Check("line1", Line1 is null ? "Enter street and number." : null);
        errors.Check("postal_code", PostalCode is null && !WithoutPostalCode.Contains(Country ?? "") ? "Enter the postal code." : null);
        errors.Check("city", City is null ? "Enter the city." : null);
        return errors;
    }

    static string? Trimmed(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    static string? Text(string? text, int maxLength) => text switch
    {
        null => null,
        _ when text.Length > maxLength => $"Use at most {maxLength} characters.",
        _ when !PlainText.IsPrintable(text) => "Use letters, digits, spaces and punctuation only.",
        _ => null,
    };
}

/// <summary>The organization's columns of <c>control.tenant</c>.</summary>
public static class OrganizationRows
{
    /// <returns>null when there is no such tenant.</returns>
    public static Task<Organization?> OrganizationAsync(this Transaction transaction, Guid tenant, CancellationToken ct) => transaction.FirstAsync(Select, Read, ct, tenant);

    /// <summary>The same, locked until the transaction ends.</summary>
    public static Task<Organization?> LockOrganizationAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.FirstAsync($"{Select} for no key update", Read, ct, tenant);

    /// <param name="changed">Valid.</param>
    public static Task UpdateOrganizationAsync(this Transaction transaction, Guid tenant, Organization changed, CancellationToken ct) => transaction.ExecuteAsync(
        Update, ct, tenant, changed.Name, changed.Line1, changed.Line2, changed.PostalCode, changed.City, changed.State, changed.Country, changed.InvoiceEmail,
        changed.Reference, changed.VatId, changed.Language);

    static Organization Read(Npgsql.NpgsqlDataReader row) => new(
        row.GetString(0), row.Get<string>(1), row.Get<string>(2), row.Get<string>(3), row.Get<string>(4), row.Get<string>(5), row.GetString(6), row.Get<string>(7),
        row.Get<string>(8), row.Get<string>(9), row.GetString(10));

    const string Select = """
        select organization, address_line1, address_line2, postal_code, city, address_state, country, invoice_email, invoice_reference, vat_id, language
        from control.tenant where id = $1
        """;

    const string Update = """
        update control.tenant set organization = $2, address_line1 = $3, address_line2 = $4, postal_code = $5, city = $6, address_state = $7, country = $8, invoice_email = $9,
            invoice_reference = $10, vat_id = $11, language = $12
        where id = $1
        """;
}
