using ControlPlane.Accounts.Tenants;

namespace ControlPlane.Billing.Taxes;

/// <summary>The register of a sandbox: a number is registered when its check digits are right.</summary>
public sealed class SandboxVatRegister : IVatRegister
{
    public Task<VatAnswer> CheckAsync(string vatId, CancellationToken ct) => Task.FromResult<VatAnswer>(
        VatId.IsEuropean(vatId) ? new VatAnswer.Valid("SANDBOX-000", null, null, """{"valid": true}""") : new VatAnswer.Invalid("""{"valid": false}"""));
}

/// <summary>Where no register is asked: no VAT id is confirmed, and VAT is charged.</summary>
public sealed class NoVatRegister : IVatRegister
{
    public Task<VatAnswer> CheckAsync(string vatId, CancellationToken ct) => Task.FromResult<VatAnswer>(new VatAnswer.Unavailable("CONTROLPLANE_VIES is off"));
}
