namespace ControlPlane.Tests.Billing.Payments;

public class EpcCodeTests
{
    [Fact]
    public void The_code_has_the_fields_of_the_standard() => Assert.Equal(
        "BCD\n002\n1\nSCT\nGENODEF1XXX\nCFS GmbH\nDE02120300000000202051\nEUR14.58\n\n\nINV-000012",
        EpcCode.Of("CFS GmbH", "DE02 1203 0000 0000 2020 51", "GENODEF1XXX", 14.58m, "INV-000012"));

    [Fact]
    public void Without_a_BIC_its_line_is_empty() => Assert.StartsWith("BCD\n002\n1\nSCT\n\nCFS", EpcCode.Of("CFS", "DE02120300000000202051", null, 1m, "x"), StringComparison.Ordinal);

    [Fact]
    public void A_line_break_begins_no_field_and_long_names_are_cut()
    {
        var lines = EpcCode.Of($"CFS\n{new string('x', 100)}", "DE02120300000000202051", null, 1m, "x\ny")!.Split('\n');
        Assert.Equal((11, 70, "xy"), (lines.Length, lines[5].Length, lines[10]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000_000)]
    public void An_amount_that_cannot_be_transferred_has_no_code(int amount) => Assert.Null(EpcCode.Of("CFS", "DE02120300000000202051", null, amount, "x"));
}
