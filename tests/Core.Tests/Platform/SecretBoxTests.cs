using System.Security.Cryptography;

namespace ControlPlane.Tests.Platform;

public class SecretBoxTests
{
    static readonly SecretBox Box = new(new byte[32]);

    [Fact]
    public void A_secret_opens_in_its_own_context_only()
    {
        var sealedBytes = Box.Seal("s3cret", "webhook_secret:1");

        Assert.Equal("s3cret", Box.Open(sealedBytes, "webhook_secret:1"));
        Assert.ThrowsAny<CryptographicException>(() => Box.Open(sealedBytes, "webhook_secret:2"));
    }

    [Fact]
    public void A_former_key_opens_what_it_sealed_and_the_current_one_seals()
    {
        var (old, current) = (Key(1), Key(2));
        var before = new SecretBox(old).Seal("s3cret", "c");
        var during = new SecretBox(current, old);
        var replaced = during.Seal("s3cret", "c");

        Assert.Equal("s3cret", during.Open(before, "c"));
        Assert.Equal("s3cret", during.Open(replaced, "c"));
        Assert.Equal((true, false), (during.IsOutdated(before), during.IsOutdated(replaced)));
        var after = new SecretBox(current);
        Assert.Equal("s3cret", after.Open(replaced, "c"));
        Assert.False(after.IsOutdated(replaced));
        Assert.ThrowsAny<CryptographicException>(() => after.Open(before, "c"));
    }

    [Fact]
    public void A_ciphertext_with_a_key_id_names_the_missing_key_and_one_without_says_what_to_set()
    {
        var named = new SecretBox(Key(1), Key(2)).Seal("s3cret", "c");
        var id = Convert.ToHexStringLower(named.AsSpan(1, 4));
        var other = new SecretBox(Key(3), Key(2));
        Assert.Contains($"The key {id}", Assert.ThrowsAny<CryptographicException>(() => other.Open(named, "c")).Message, StringComparison.Ordinal);
        Assert.Contains("CONTROLPLANE_SECRETS_KEY", Assert.ThrowsAny<CryptographicException>(() => other.Open(Box.Seal("s3cret", "c"), "c")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_a_single_key_the_former_release_can_read_what_is_written() => Assert.Equal(1, new SecretBox(Key(1)).Seal("s3cret", "c")[0]);

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("01")]
    [InlineData("02")]
    [InlineData("0201020304")]
    [InlineData("03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    public void Bytes_that_are_no_ciphertext_are_refused(string hex)
    {
        foreach (var box in (SecretBox[])[Box, new SecretBox(Key(1), Key(2))])
        {
            Assert.ThrowsAny<CryptographicException>(() => box.Open(Convert.FromHexString(hex), "c"));
        }
    }

    static byte[] Key(byte fill) => [.. Enumerable.Repeat(fill, 32)];

    [Fact]
    public void Concurrent_requests_may_seal_and_open() => Parallel.For(0, 20_000, i =>
    {
        var secret = new string('x', i % 50);
        Assert.Equal(secret, Box.Open(Box.Seal(secret, "c"), "c"));
    });
}
