using System.Globalization;

namespace ControlPlane.Web.Invoices;

/// <summary>Issuer of the invoices: the settings CONTROLPLANE_SELLER_… and CONTROLPLANE_TAX_….</summary>
static class SellerSettings
{
    /// <exception cref="SettingException">A setting is invalid; the message names it.</exception>
    public static Seller Read(IConfiguration configuration, string domain) => new(
        configuration["CONTROLPLANE_SELLER_NAME"] ?? "CFS LLM Platform",
        (configuration["CONTROLPLANE_SELLER_ADDRESS"] ?? "").Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
        Country(configuration["CONTROLPLANE_SELLER_COUNTRY"] ?? "DE"),
        configuration["CONTROLPLANE_SELLER_VAT_ID"],
        configuration["CONTROLPLANE_SELLER_EMAIL"] ?? $"billing@{domain}",
        configuration["CONTROLPLANE_INVOICE_PREFIX"] ?? "INV-",
        Rates(configuration));

    static string Country(string code) => code is [>= 'A' and <= 'Z', >= 'A' and <= 'Z']
        ? code
        : throw new SettingException($"CONTROLPLANE_SELLER_COUNTRY is \"{code}\": enter a two-letter code such as DE.");

    static TaxRates? Rates(IConfiguration configuration) =>
        Percent(configuration, "CONTROLPLANE_TAX_DOMESTIC") is { } domestic
            ? new TaxRates(
                domestic, Percent(configuration, "CONTROLPLANE_TAX_EU_WITHOUT_VAT_ID") ?? domestic, Percent(configuration, "CONTROLPLANE_TAX_ELSEWHERE") ?? 0)
            : null;

    static decimal? Percent(IConfiguration configuration, string name) => configuration[name] switch
    {
        null or "" => null,
        var text when decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent is >= 0 and <= 100 => percent,
        var text => throw new SettingException($"{name} is \"{text}\": enter a rate in percent, such as 19 or 7.7."),
    };
}
