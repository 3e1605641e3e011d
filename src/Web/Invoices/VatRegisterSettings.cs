namespace ControlPlane.Web.Invoices;

/// <summary>Who confirms VAT ids: the setting CONTROLPLANE_VIES.</summary>
static class VatRegisterSettings
{
    /// <exception cref="SettingException">The setting is invalid.</exception>
    public static IVatRegister Read(IConfiguration configuration, Settings settings, Seller seller) => configuration["CONTROLPLANE_VIES"] switch
    {
        _ when settings.Options.Sandbox => new SandboxVatRegister(),
        "off" => new NoVatRegister(),
        null or "" when seller.Regime != TaxRegime.Regular => new NoVatRegister(),
        null or "" or "on" => new ViesRegister(ViesRegister.CreateClient(), seller.VatId is { } id && VatId.IsEuropean(id) ? id : null),
        var other => throw new SettingException($"CONTROLPLANE_VIES is \"{other}\": enter on or off."),
    };
}
