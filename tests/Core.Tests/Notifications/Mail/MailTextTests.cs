namespace ControlPlane.Tests.Notifications.Mail;

public class MailTextTests
{
    [Theory]
    [InlineData("Müller & Co. KG", "Müller & Co. KG")]
    [InlineData("Rossi S.p.A.", "Rossi S.p.A.")]
    [InlineData("東京株式会社", "東京株式会社")]
    [InlineData("Pay at https://evil.example/x?y=1", "Pay at https: //evil. example/x?y=1")]
    [InlineData("www.evil.example", "www. evil. example")]
    [InlineData("evil．example evil。example evil｡example", "evil． example evil。 example evil｡ example")]
    [InlineData("boss@evil.example mailto:x", "boss@ evil. example mailto: x")]
    [InlineData("one\r\nBcc: two\u2028three\0", "one Bcc: two three")]
    [InlineData("a\u202egnp.exe\u200b", "a gnp. exe")]
    public void A_name_in_a_mail_is_one_line_without_links(string chosen, string shown) => Assert.Equal(shown, MailText.Name(chosen));

    [Fact]
    public void A_long_name_is_cut_before_it_becomes_a_message()
    {
        var name = MailText.Name(string.Concat(Enumerable.Repeat("Your account is blocked, call us now! ", 5)));
        Assert.Equal(60, name.Length);
        Assert.EndsWith("…", name, StringComparison.Ordinal);
        Assert.DoesNotContain(MailText.Name(new string('a', 58) + "😀😀"), char.IsSurrogate);
    }
}
