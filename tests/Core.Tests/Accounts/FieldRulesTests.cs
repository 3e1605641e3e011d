namespace ControlPlane.Tests.Accounts;

/// <summary>Validation of the signup fields.</summary>
public class FieldRulesTests
{
    [Theory]
    [InlineData("abc")]
    [InlineData("a-1")]
    [InlineData("0day")]
    [InlineData("a--b")]
    [InlineData("abcdefghijklmnopqrstuvwxyz-0123456789-ab")]
    public void A_slug_is_a_dns_label_of_3_to_40_characters(string slug) => Assert.Null(Slug.Validate(slug));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ab")]
    [InlineData("abcdefghijklmnopqrstuvwxyz-0123456789-abc")]
    [InlineData("-ab")]
    [InlineData("ab-")]
    [InlineData("Abc")]
    [InlineData("a_b")]
    [InlineData("a.b")]
    [InlineData("a b")]
    [InlineData("äbc")]
    [InlineData("abc\n")]
    [InlineData("ab\0")]
    [InlineData("xn--bcher-kva")]
    [InlineData("www")]
    [InlineData("admin")]
    [InlineData("grafana")]
    public void Any_other_slug_is_rejected(string? slug) => Assert.NotNull(Slug.Validate(slug));

    [Theory]
    [InlineData("a@b.de")]
    [InlineData("first.last+tag@mail.example.com")]
    [InlineData("o'hara@example.ie")]
    [InlineData("ada@müller.example")]
    [InlineData("jürgen@müller.example")]
    [InlineData("δοκιμή@παράδειγμα.example")]
    [InlineData("用户@例子.example")]
    [InlineData("अजय@डाटा.भारत")]
    [InlineData("иван@почта.рф")]
    [InlineData("иван@yandex.example")]
    [InlineData("ivan@бабушка.example")]
    [InlineData("café@example.fr")]
    [InlineData("tokyo東京@example.jp")]
    [InlineData("ada@сор.рф")]
    public void An_email_address_has_a_name_and_a_domain(string email) => Assert.Null(EmailAddress.Validate(email));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("a@b")]
    [InlineData("@b.de")]
    [InlineData("a@@b.de")]
    [InlineData("a b@c.de")]
    [InlineData("a@b.de\r\nBcc: c@d.de")]
    [InlineData("a@b.de,c@d.de")]
    [InlineData("<a@b.de>")]
    [InlineData("a..b@c.de")]
    [InlineData("a@-b.de")]
    [InlineData("a@bü cher.de")]
    [InlineData("a@büch..de")]
    [InlineData("\u212aim@example.com")]
    [InlineData("a@-ü.de")]
    [InlineData("a\u202e@b.de")]
    [InlineData("a\u00a0b@c.de")]
    [InlineData("ju\u0308rgen@example.org")]
    [InlineData("a@mu\u0308ller.example")]
    public void Anything_else_is_not_an_email_address(string email) => Assert.NotNull(EmailAddress.Validate(email));

    [Theory]
    [InlineData("p\u0430ypal@example.com")]
    [InlineData("support@p\u0430ypal.example")]
    [InlineData("support@xn--pypal-4ve.example")]
    [InlineData("ad\u03b1@example.com")]
    [InlineData("\uff41da@example.com")]
    [InlineData("ada@\u0430\u0440\u0440\u04cf\u0435.com")]
    public void An_address_that_can_pass_for_another_one_is_rejected(string email) =>
        Assert.NotEqual("Enter an email address such as name@example.com.", Assert.IsType<string>(EmailAddress.Validate(email)));

    [Theory]
    [InlineData("ada@printer.local")]
    [InlineData("ada@server.localhost")]
    [InlineData("ada@example.invalid")]
    [InlineData("ada@hidden.onion")]
    [InlineData("ada@router.home.arpa")]
    [InlineData("ada@192.0.2.10")]
    [InlineData("ada@example.-a")]
    public void An_address_that_no_mail_can_reach_is_rejected(string email) =>
        Assert.Contains("cannot be delivered", EmailAddress.Validate(email), StringComparison.Ordinal);

    [Theory]
    [InlineData("a@mailinator.example", true)]
    [InlineData("a@sub.Mailinator.example", true)]
    [InlineData("a@notmailinator.example", false)]
    [InlineData("a@example", false)]
    public void Disposable_domains_include_their_subdomains(string email, bool disposable) =>
        Assert.Equal(disposable, new SignupPolicy { DisposableDomains = ["mailinator.example"] }.IsDisposable(email));

    [Theory]
    [InlineData(" Ada@Example.com ", "Ada@Example.com")]
    [InlineData("ada@müller.example", "ada@xn--mller-kva.example")]
    [InlineData("ada@MÜLLER.example", "ada@xn--mller-kva.example")]
    [InlineData("ada@xn--mller-kva.example", "ada@xn--mller-kva.example")]
    [InlineData("用户@例子。example", "用户@xn--fsqu00a.example")]
    public void One_address_is_stored_in_one_form(string entered, string stored) => Assert.Equal(stored, EmailAddress.Normalize(entered));

    [Fact]
    public void An_email_address_has_at_most_254_bytes()
    {
        static string Of(int length) => $"a@{string.Join('.', Enumerable.Repeat(new string('b', 49), 5))[..(length - 6)]}.com";
        Assert.Null(EmailAddress.Validate(Of(200)));
        Assert.NotNull(EmailAddress.Validate(new string('a', 65) + "@example.com"));
        Assert.NotNull(EmailAddress.Validate(Of(250) + ".example"));
        Assert.Null(EmailAddress.Validate(new string('ü', 32) + "@example.com"));
        Assert.NotNull(EmailAddress.Validate(new string('ü', 33) + "@example.com"));
    }

    [Theory]
    [InlineData("correct horse battery")]
    [InlineData("äöüß-äöüß-äöüß")]
    [InlineData("            x y z")]
    public void A_long_password_is_accepted(string password) => Assert.Null(PasswordRule.Validate(password, "a@example.com", "Example"));

    [Theory]
    [InlineData(null)]
    [InlineData("eleven char")]
    [InlineData("passwordpassword")]
    [InlineData("PasswordPassword")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    [InlineData("121212121212")]
    [InlineData("first.last@example.com")]
    [InlineData("Acme Incorporated")]
    public void Short_and_common_passwords_and_own_names_are_rejected(string? password) =>
        Assert.NotNull(PasswordRule.Validate(password, "First.Last@example.com", "ACME Incorporated"));

    [Fact]
    public void A_password_has_at_most_128_characters()
    {
        var longest = string.Concat(Enumerable.Repeat("abcd", 32));
        Assert.Null(PasswordRule.Validate(longest));
        Assert.NotNull(PasswordRule.Validate(longest + "e"));
    }

    [Theory]
    [InlineData("Müller & Söhne GmbH", true)]
    [InlineData("Ελληνική Εταιρεία", true)]
    [InlineData("Rocket 🚀", true)]
    [InlineData("two\nlines", false)]
    [InlineData("nul\0", false)]
    [InlineData("\u2028", false)]
    public void A_name_is_one_printable_line(string name, bool printable) => Assert.Equal(printable, PlainText.IsPrintable(name));

    // Not in the table: an unpaired surrogate does not survive in an attribute.
    [Fact]
    public void An_unpaired_surrogate_is_not_printable() => Assert.False(PlainText.IsPrintable("rocket " + '\ud83d'));

    [Fact]
    public void Every_country_is_listed_once_under_its_code()
    {
        Assert.Equal(249, Countries.All.Select(country => country.Code).Distinct().Count());
        Assert.All(Countries.All, country => Assert.Matches("^[A-Z]{2}$", country.Code));
        Assert.Equal("Côte d'Ivoire", Countries.NameOf("CI"));
        Assert.False(Countries.Contains("XX"));
        Assert.False(Countries.Contains("EL"));
    }
}
