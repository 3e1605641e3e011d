namespace ControlPlane.Billing.Taxes;

/// <summary>The register of VAT ids of the member states.</summary>
public interface IVatRegister
{
    Task<VatAnswer> CheckAsync(string vatId, CancellationToken ct);
}

public abstract record VatAnswer
{
    /// <param name="Consultation">The number that proves the question; null when the register gave none.</param>
    /// <param name="Raw">The answer as received, JSON.</param>
    public sealed record Valid(string? Consultation, string? Name, string? Address, string Raw) : VatAnswer;

    public sealed record Invalid(string Raw) : VatAnswer;

    /// <summary>Nothing is known; it is asked again later.</summary>
    public sealed record Unavailable(string Code) : VatAnswer;
}
