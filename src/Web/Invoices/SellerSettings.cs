using System.Globalization;

namespace ControlPlane.Web.Invoices;

/// <summary>Issuer of the invoices: the settings CONTROLPLANE_SELLER_… and CONTROLPLANE_TAX….</summary>
static class SellerSettings
{
    /// <exception cref="SettingException">A setting is invalid; the message names it.</exception>
    public static Seller Read(IConfiguration configuration, string domain)
    {
        var seller = new Seller(
            Text(configuration, "NAME") ?? "CFS LLM Platform",
            (configuration["CONTROLPLANE_SELLER_ADDRESS"] ?? "").Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            Country(Text(configuration, "COUNTRY") ?? "DE"), VatIdOf(configuration), Text(configuration, "EMAIL") ?? $"billing@{domain}",
            configuration["CONTROLPLANE_INVOICE_PREFIX"] ?? "INV-", Rates(configuration))
        {
            Street = Text(configuration, "STREET"),
            PostalCode = Text(configuration, "POSTAL_CODE"),
            City = Text(configuration, "CITY"),
            Contact = Text(configuration, "CONTACT"),
            Phone = Text(configuration, "PHONE"),
            TaxNumber = Text(configuration, "TAX_NUMBER"),
            Register = Text(configuration, "REGISTER"),
            Iban = Iban(configuration),
            Bic = Text(configuration, "BIC"),
            Bank = Text(configuration, "BANK"),
            CreditPrefix = configuration["CONTROLPLANE_CREDIT_PREFIX"] ?? "CR-",
            TaxesConsumersAtHome = configuration["CONTROLPLANE_TAX_EU_PRIVATE"] switch
            {
                null or "" or "seller" => true,
                "buyer" => false,
                var other => throw new SettingException($"CONTROLPLANE_TAX_EU_PRIVATE is \"{other}\": enter seller, or buyer with the one-stop shop."),
            },
            PricesIncludeTax = configuration["CONTROLPLANE_PRICES"] switch
            {
                null or "" or "net" => false,
                "gross" => true,
                var other => throw new SettingException($"CONTROLPLANE_PRICES is \"{other}\": enter net, or gross where plan prices include VAT."),
            },
        };
        return seller.CreditPrefix == seller.NumberPrefix
            ? throw new SettingException("CONTROLPLANE_CREDIT_PREFIX and CONTROLPLANE_INVOICE_PREFIX are the same: credit notes have numbers of their own, enter another prefix.")
            : seller with { Regime = Regime(configuration["CONTROLPLANE_TAX"], seller) };
    }

    // A domestic rate alone has always switched tax on.
    static TaxRegime Regime(string? tax, Seller seller) => tax switch
    {
        null or "" => seller.TaxPercent?.Domestic is null ? TaxRegime.None : TaxRegime.Regular,
        "none" or "small_business" when seller.TaxPercent is not null =>
            throw new SettingException($"CONTROLPLANE_TAX is \"{tax}\", but rates are set with CONTROLPLANE_TAX_DOMESTIC, _EU_WITHOUT_VAT_ID or _ELSEWHERE: remove them, or enter regular."),
        "none" => TaxRegime.None,
        "small_business" => TaxRegime.SmallBusiness,
        "regular" when seller.TaxPercent?.Domestic is null && !TaxTreatment.IsEuropean(seller.Country) =>
            throw new SettingException("CONTROLPLANE_TAX is \"regular\", but the seller is outside the European Union, whose rates are known: enter yours as CONTROLPLANE_TAX_DOMESTIC."),
        "regular" => TaxRegime.Regular,
        _ => throw new SettingException($"CONTROLPLANE_TAX is \"{tax}\": enter none, regular or small_business."),
    };

    static string? Text(IConfiguration configuration, string name) => configuration[$"CONTROLPLANE_SELLER_{name}"] is { } text && text.Trim() is { Length: > 0 } trimmed ? trimmed : null;

    static string? VatIdOf(IConfiguration configuration) => VatId.Normalize(Text(configuration, "VAT_ID"));

    static string Country(string code) => code is [>= 'A' and <= 'Z', >= 'A' and <= 'Z'] && Countries.Contains(code)
        ? code
        : throw new SettingException($"CONTROLPLANE_SELLER_COUNTRY is \"{code}\": enter a two-letter code such as DE.");

    static TaxRates? Rates(IConfiguration configuration) =>
        (Percent(configuration, "CONTROLPLANE_TAX_DOMESTIC"), Percent(configuration, "CONTROLPLANE_TAX_EU_WITHOUT_VAT_ID"), Percent(configuration, "CONTROLPLANE_TAX_ELSEWHERE")) switch
        {
            (null, null, null) => null,
            var (domestic, eu, elsewhere) => new TaxRates(domestic, eu, elsewhere),
        };

    static decimal? Percent(IConfiguration configuration, string name) => configuration[name] switch
    {
        null or "" => null,
        var text when decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent is >= 0 and <= 100 => percent,
        var text => throw new SettingException($"{name} is \"{text}\": enter a rate in percent, such as 19 or 7.7."),
    };

    static string? Iban(IConfiguration configuration)
    {
        if (Text(configuration, "IBAN") is not { } entered)
        {
            return null;
        }

        var iban = new string([.. entered.Where(c => c != ' ').Select(char.ToUpperInvariant)]);
        return iban.Length is >= 15 and <= 34 && iban.All(char.IsAsciiLetterOrDigit) && IsIban(iban)
            ? iban
            : throw new SettingException($"CONTROLPLANE_SELLER_IBAN is \"{entered}\": its check digits are wrong.");
    }

    // ISO 13616: country and check digits at the end, letters count from 10, and the rest of 97 is 1.
    static bool IsIban(string iban) =>
        (iban[4..] + iban[..4]).Aggregate(0, (rest, c) => char.IsAsciiDigit(c) ? ((rest * 10) + c - '0') % 97 : ((rest * 100) + c - 'A' + 10) % 97) == 1;
}
