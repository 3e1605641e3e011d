using System.Globalization;
using System.Security.Cryptography;

namespace ControlPlane.Tests.Platform.Database;

public class SchemaScriptsTests
{
    /// <summary>SHA-256 of the migrations that shipped. Add to the list with a release; never change it.</summary>
    const string Shipped = """
        0001_roles_and_schema 06d665a5bb15e9276ecd21e5e90fd5a32a1c0c0d5b2804852d407ece7eb94eba
        0002_plans_and_models 5f052afefbca67eb018ff0535c073ecc7d680de349d71cd4e17d7e0063ecdb99
        0003_tenants_and_members 5e7079deedb15951b96987719208f5733352c340d9e5cb0c82523d9469156212
        0004_mail a5711d40e74eb91f4f00c470c774666685c45b2a04747ed67eb80c3c221622db
        0005_provisioning 5930096f01077b15f53821dbd216cb75fa1a4090d8051e040fb769eb802935cc
        0006_usage 29d6efe8d7219910c1de13593b5679590a6ba9485072367bd0841054b75a2af4
        0007_billing f7089a2d69be8d90ebe57ea7e35ce35db16b215902ecfe027c88007029c98b37
        0008_reports 88fc7acedb3edb7e65910f065361209d8c0437c5637916324b66ea82eb11c654
        0009_budgets c60ac779370f48906919b98c9d03ad2cb28988593463745988b7acfbd77a309b
        0010_authorize 7670dc8a76776b720c2e87d37d99c45d621bccfc6a03b9b9c87a8a84327a59b1
        0011_webhooks b8715e5dafea739ec118f5661a28c0bff3408754c3ebe6ab3a6bb1d4b0d95aa0
        0012_tenant_region ad1749341c7030c9ba54c3c1b249bcd0553fad3bd0ee989907e63a3e8a80ec9f
        0013_hot_paths 97853138ed9bd7dd3bb6d45460fd0df192d9df04f019615ba44fa8af35389672
        0014_billing_periods bd3e7f64989d9636ff91c1e6cff353d29480407838145453aed656a876fefcf3
        """;

    [Fact]
    public void Migrations_that_shipped_are_byte_for_byte_as_they_were()
    {
        var shipped = Shipped.Split('\n').Select(line => line.Split(' ')).ToDictionary(parts => parts[0], parts => parts[1]);
        var now = shipped.Keys.ToDictionary(name => name, name => HashOf($"Migrations/{name}"));
        Assert.Equal(shipped, now);
    }

    [Fact]
    public void Migrations_are_in_the_order_of_their_numbers_and_each_has_its_own()
    {
        var numbers = SchemaScripts.Migrations.Select(migration => migration.Name[..migration.Name.IndexOf('_', StringComparison.Ordinal)]).ToList();
        Assert.Equal("0001", numbers[0]);
        Assert.Equal(numbers.Distinct().Order(StringComparer.Ordinal), numbers);
        Assert.Equal(int.Parse(numbers[^1].AsSpan(0, 4), CultureInfo.InvariantCulture), SchemaScripts.NewestMigration);
    }

    [Fact]
    public void A_file_replaces_the_function_that_it_is_named_after()
    {
        Assert.NotEmpty(SchemaScripts.Functions);
        Assert.All(SchemaScripts.Functions, function => Assert.Contains($"create or replace function control.{function.Name}(", function.Sql, StringComparison.Ordinal));
    }

    static string HashOf(string resource)
    {
        using var stream = typeof(SchemaScripts).Assembly.GetManifestResourceStream(resource);
        return stream is null ? "missing" : Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
