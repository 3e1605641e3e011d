namespace ControlPlane.Tests.Accounts;

public class VatIdTests
{
    [Theory]
    [InlineData("DE", "DE 123 456 789")]
    [InlineData("AT", "atu12345678")]
    [InlineData("BE", "BE 0123.456.789")]
    [InlineData("GR", "EL123456789")]
    [InlineData("GB", "XI123456789")]
    [InlineData("GB", "GB123456789")]
    [InlineData("NL", "NL123456789B01")]
    [InlineData("FR", "FRXX123456789")]
    [InlineData("ES", "ESB12345674")]
    [InlineData("IE", "IE1234567WA")]
    [InlineData("SE", "SE-123456789001")]
    [InlineData("CH", "CHE-123.456.789 MWST")]
    [InlineData("US", "12-3456789")]
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
    [InlineData("CH", "123456789012345678901")]
    public void A_malformed_number_is_rejected(string country, string entered) =>
        Assert.NotNull(VatId.Validate(VatId.Normalize(entered)!, country));

    [Theory]
    [InlineData("DE", "FR12345678901")]
    [InlineData("US", "DE123456789")]
    [InlineData("FR", "XI123456789")]
    public void A_number_of_another_country_is_rejected_with_that_countrys_name(string country, string entered) =>
        Assert.Contains("is a number of", VatId.Validate(VatId.Normalize(entered)!, country)!, StringComparison.Ordinal);

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
