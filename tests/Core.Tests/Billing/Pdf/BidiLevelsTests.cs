using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Pdf;

public class BidiLevelsTests
{
    // Even levels read from left to right. Each row follows from a rule of UAX #9.
    [Theory]
    [InlineData("abc 12", "000000")]
    [InlineData("שלום GmbH 12", "111112222222")]
    [InlineData("GmbH שלום 12", "000001111122")]
    [InlineData("שלום 1,234.50 €", "111112222222211")]
    [InlineData("مثال 12", "1111122")]
    [InlineData("مثال 1-2", "11111212")]
    [InlineData("שלום 1-2", "11111222")]
    [InlineData("a (ב) c", "0001000")]
    [InlineData("ב (a) ג", "1112111")]
    [InlineData("a (ב) ג", "0001001")]
    [InlineData("ב\u2068a ג\u2069 c", "11223112")]
    [InlineData("a \u2067b\u2069", "00020")]
    [InlineData("שָ", "11")]
    public void Each_character_gets_the_level_of_the_algorithm(string text, string levels) =>
        Assert.Equal(levels, string.Concat(BidiLevels.Of(text)));
}
