namespace ControlPlane.Tests.Accounts;

public class VatIdTests
{
    [Theory]
    [InlineData("DE", "DE 123 456 788")]
    [InlineData("AT", "atu12345675")]
    [InlineData("BE", "BE 0123.456.749")]
    [InlineData("GR", "EL123456783")]
    [InlineData("GB", "XI123456727")]
    [InlineData("GB", "GB123456789")]
    [InlineData("NL", "NL123456782B01")]
    [InlineData("FR", "FR4Z123456782")]
    [InlineData("ES", "ESB12345674")]
    [InlineData("IE", "IE1234567FA")]
    [InlineData("SE", "SE-123456789701")]
    [InlineData("CH", "CHE-123.456.789 MWST")]
    [InlineData("US", "12-3456789")]
    [InlineData("MC", "FR04409414364")]
    public void A_number_of_the_buyers_country_is_accepted(string country, string entered) =>
        Assert.Null(VatId.Validate(VatId.Normalize(entered)!, country));

    [Theory]
    [InlineData("DE", "123456789")]
    [InlineData("DE", "DE12345678")]
    [InlineData("DE", "DE1234567890")]
    [InlineData("GR", "GR123456789")]
    [InlineData("AT", "AT12345678")]
    [InlineData("DE", "DE12345678٣")]
    [InlineData("US", "<b>")]
    [InlineData("MC", "12-3456789")]
    [InlineData("CH", "123456789012345678901")]
    public void A_malformed_number_is_rejected(string country, string entered) =>
        Assert.NotNull(VatId.Validate(VatId.Normalize(entered)!, country));

    [Theory]
    [InlineData("DE", "FR12345678901")]
    [InlineData("US", "DE123456789")]
    [InlineData("FR", "XI123456789")]
    public void A_number_of_another_country_is_rejected_with_that_countrys_name(string country, string entered) =>
        Assert.Contains("is a number of", VatId.Validate(VatId.Normalize(entered)!, country)!, StringComparison.Ordinal);

    /// <summary>Registered companies, and the same numbers with one digit changed.</summary>
    [Theory]
    [InlineData("AT", "ATU14243102 ATU57194903 ATU61195628", "ATU14943102 ATU55194903 ATU61195618")]
    [InlineData("BE", "BE0468561072 BE0462423150 BE0697449992", "BE0468561070 BE0462423550 BE0697449932")]
    [InlineData("BG", "BG103873594 BG175074752 BG200442771", "BG103773594 BG175074759 BG200442761")]
    [InlineData("CY", "CY10246672X CY10008489A CY00632993F", "CY10446672X CY10908489A CY00632903F")]
    [InlineData("CZ", "CZ25123891 CZ00023205 CZ61989100", "CZ22123891 CZ50023205 CZ41989100")]
    [InlineData("DE", "DE113866163 DE213806597 DE812847601", "DE113866173 DE213806797 DE812847631")]
    [InlineData("DK", "DK10503280 DK32271502 DK21599336", "DK10503180 DK22271502 DK21599333")]
    [InlineData("EE", "EE100931558 EE100832107 EE101256753", "EE100971558 EE100872107 EE101256757")]
    [InlineData("GR", "EL039868210 EL998386804 EL800179925", "EL039869210 EL998386304 EL800170925")]
    [InlineData("ES", "ESQ0818001J ESU99216632 ESA58951310", "ESQ0812001J ESU99219632 ESA38951310")]
    [InlineData("FI", "FI02459042 FI24416318 FI18261444", "FI02454042 FI21416318 FI18261448")]
    [InlineData("FR", "FR04409414364 FR84323140392 FR96000110899", "FR06409414364 FR87323140392 FR96100110899")]
    [InlineData("HR", "HR33392005961 HR68419124305 HR85821130368", "HR33397005961 HR68419114305 HR05821130368")]
    [InlineData("HU", "HU12509403 HU23157653 HU13852467", "HU12509463 HU23159653 HU13802467")]
    [InlineData("IE", "IE0005306C IE8223200U IE9Y71814N", "IE0005006C IE8123200U IE3Y71814N")]
    [InlineData("IT", "IT01404480202 IT02408660211 IT02331250163", "IT01404440202 IT02408660251 IT02031250163")]
    [InlineData("LT", "LT100001354118 LT119511515 LT290068995116", "LT100006354118 LT119513515 LT290068695116")]
    [InlineData("LU", "LU10059929 LU19979983 LU19980500", "LU10059928 LU19979993 LU18980500")]
    [InlineData("LV", "LV40003521600 LV40103157009 LV42103048183", "LV40007521600 LV40103157003 LV42107048183")]
    [InlineData("MT", "MT10396417 MT18740407 MT20630321", "MT10399417 MT18749407 MT20630021")]
    [InlineData("NL", "NL001241643B01 NL003376734B77 NL813411786B01", "NL001241543B01 NL703376734B77 NL513411786B01")]
    [InlineData("PL", "PL5211355116 PL7642305578 PL6772135826", "PL5211355616 PL7642355578 PL6772135026")]
    [InlineData("PT", "PT500019720 PT506835669 PT503038083", "PT000019720 PT506834669 PT503038043")]
    [InlineData("RO", "RO11358544 RO24736200 RO15071875", "RO11358244 RO24736300 RO15071575")]
    [InlineData("SE", "SE202100500001 SE556728341001 SE556250398601", "SE202100500501 SE556778341001 SE506250398601")]
    [InlineData("SI", "SI26808498 SI68297530 SI89036999", "SI26408498 SI68247530 SI89066999")]
    [InlineData("SK", "SK1078449064 SK2021685820 SK2022193459", "SK1068449064 SK2221685820 SK2022193455")]
    [InlineData("GB", "XI432525179 XI980780684 XI116315165", "XI432523179 XI980780624 XI166315165")]
    public void A_wrong_digit_is_noticed(string country, string registered, string mistyped)
    {
        Assert.All(registered.Split(' '), number => Assert.Null(VatId.Validate(number, country)));
        Assert.All(mistyped.Split(' '), number => Assert.NotNull(VatId.Validate(number, country)));
    }

    [Theory]
    [InlineData("FR", "FR00000000000")]
    [InlineData("DE", "DE123456789")]
    [InlineData("NL", "NL123456789B01")]
    [InlineData("GB", "XI123456789")]
    [InlineData("GB", "XIHA123")]
    [InlineData("CY", "CY12345678X")]
    [InlineData("SK", "SK1234567890")]
    public void A_number_with_wrong_check_digits_is_rejected_and_not_asked_of_the_register(string country, string number)
    {
        Assert.StartsWith("The check digits", VatId.Validate(number, country), StringComparison.Ordinal);
        Assert.False(VatId.IsEuropean(number));
    }

    [Theory]
    [InlineData("NL", "NL123456789B13")]
    [InlineData("IE", "IE1113571MH")]
    [InlineData("FR", "FRK7399859412")]
    [InlineData("ES", "ESX5910266W")]
    [InlineData("ES", "ESJ99216582")]
    [InlineData("ES", "ESM1234567L")]
    [InlineData("GB", "XIGD001")]
    [InlineData("GB", "XIHA500")]
    [InlineData("CZ", "CZ640903926")]
    public void Each_kind_of_number_of_a_country_is_known(string country, string number)
    {
        Assert.Null(VatId.Validate(number, country));
        Assert.True(VatId.IsEuropean(number));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" - . ")]
    public void Separators_alone_are_no_number(string? entered) => Assert.Null(VatId.Normalize(entered));

    [Theory]
    [InlineData("AT"), InlineData("BE"), InlineData("BG"), InlineData("CY"), InlineData("CZ"), InlineData("DE"), InlineData("DK"), InlineData("EE")]
    [InlineData("ES"), InlineData("FI"), InlineData("FR"), InlineData("GR"), InlineData("HR"), InlineData("HU"), InlineData("IE"), InlineData("IT")]
    [InlineData("LT"), InlineData("LU"), InlineData("LV"), InlineData("MT"), InlineData("NL"), InlineData("PL"), InlineData("PT"), InlineData("RO")]
    [InlineData("SE"), InlineData("SI"), InlineData("SK")]
    public void The_example_given_for_a_country_is_accepted_there(string country)
    {
        var advice = VatId.Validate("0", country)!;
        var example = advice["Enter a number such as ".Length..advice.IndexOf(',', StringComparison.Ordinal)];
        Assert.Null(VatId.Validate(example, country));
    }
}
