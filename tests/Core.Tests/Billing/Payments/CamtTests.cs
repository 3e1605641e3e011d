using System.Text;

namespace ControlPlane.Tests.Billing.Payments;

public class CamtTests
{
    const string Iban = "DE02120300000000202051";

    [Fact]
    public void Version_2_is_read()
    {
        var entry = Assert.Single(Read("02", $"""
            <Ntry><Amt Ccy="EUR">14.58</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-03</Dt></BookgDt><AcctSvcrRef>2026040300001</AcctSvcrRef>
            <NtryDtls><TxDtls><RltdPties><Dbtr><Nm>Acme GmbH</Nm></Dbtr></RltdPties><RmtInf><Ustrd>INV-0000</Ustrd><Ustrd>12</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
            """));
        Assert.Equal(new BankEntry(Iban, "2026040300001", new DateOnly(2026, 4, 3), 14.58m, "Acme GmbH", "INV-0000 12"), entry);
    }

    [Fact]
    public void Version_8_is_read()
    {
        var entry = Assert.Single(Read("08", $"""
            <Ntry><Amt Ccy="EUR">9.9</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-04-03T10:00:00+02:00</DtTm></BookgDt>
            <NtryDtls><TxDtls><Refs><AcctSvcrRef>A1</AcctSvcrRef></Refs><RltdPties><Dbtr><Pty><Nm>Acme GmbH</Nm></Pty></Dbtr></RltdPties>
            <RmtInf><Strd><CdtrRefInf><Ref>INV-000012</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
            """));
        Assert.Equal(new BankEntry(Iban, "A1", new DateOnly(2026, 4, 3), 9.9m, "Acme GmbH", "INV-000012"), entry);
    }

    [Theory]
    [InlineData("CRDT", "DE11520513735120710131")]
    [InlineData("DBIT", "DE60500105170648489890")]
    public void The_account_of_the_other_side_is_read(string direction, string iban) => Assert.Equal(iban, Assert.Single(Read("08", Entry("5.00", direction, "R1").Replace(
        "</Ntry>",
        """
        <NtryDtls><TxDtls><RltdPties><DbtrAcct><Id><IBAN>DE11520513735120710131</IBAN></Id></DbtrAcct><CdtrAcct><Id><IBAN>DE60500105170648489890</IBAN></Id></CdtrAcct></RltdPties></TxDtls></NtryDtls></Ntry>
        """, StringComparison.Ordinal))).PayerIban);

    [Fact]
    public void Money_that_left_the_account_is_negative() => Assert.Equal(-5m, Assert.Single(Read("02", Entry("5.00", "DBIT", "R1"))).Amount);

    [Fact]
    public void An_entry_that_is_not_booked_or_not_in_euros_is_left_out() => Assert.Empty(Read(
        "02", Entry("5.00", "CRDT", "R1").Replace("BOOK", "PDNG", StringComparison.Ordinal) + Entry("5.00", "CRDT", "R2").Replace("EUR", "USD", StringComparison.Ordinal)));

    [Fact]
    public void Each_transfer_of_a_collective_entry_is_read()
    {
        var entries = Read("02", """
            <Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-03</Dt></BookgDt><AcctSvcrRef>B</AcctSvcrRef>
            <NtryDtls><TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">10.00</Amt></TxAmt></AmtDtls><RmtInf><Ustrd>INV-1</Ustrd></RmtInf></TxDtls>
            <TxDtls><Amt Ccy="EUR">20.00</Amt><RmtInf><Ustrd>INV-2</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
            """);
        Assert.Equal([("B#0", 10m, "INV-1"), ("B#1", 20m, "INV-2")], entries.Select(entry => (entry.Reference, entry.Amount, entry.Remittance)));
    }

    [Fact]
    public void An_entry_without_a_reference_has_the_same_one_in_every_statement_and_another_one_than_others()
    {
        var one = Entry("5.00", "CRDT", "").Replace("<AcctSvcrRef></AcctSvcrRef>", "", StringComparison.Ordinal);
        var (first, second) = (Assert.Single(Read("02", one)).Reference, Assert.Single(Read("02", one)).Reference);
        Assert.Equal(first, second);
        Assert.NotEqual(first, Assert.Single(Read("02", one.Replace("5.00", "6.00", StringComparison.Ordinal))).Reference);
    }

    [Theory]
    [InlineData("not XML")]
    [InlineData("")]
    [InlineData("<Document/>")]
    [InlineData("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.03\"/>")]
    [InlineData("<!DOCTYPE x [<!ENTITY a \"b\">]><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\">&a;</Document>")]
    public void Anything_else_is_refused(string text) => Assert.Throws<StatementException>(() => CamtStatement.Read(new MemoryStream(Encoding.UTF8.GetBytes(text))));

    [Theory]
    [InlineData("1e5")]
    [InlineData("-1.00")]
    [InlineData("1,00")]
    [InlineData("1.001")]
    [InlineData("9999999999999")]
    public void An_amount_that_is_none_is_refused(string amount) => Assert.Throws<StatementException>(() => Read("02", Entry(amount, "CRDT", "R1")));

    static string Entry(string amount, string direction, string reference) => $"""
        <Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-03</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>
        """;

    static IReadOnlyList<BankEntry> Read(string version, string entries) => CamtStatement.Read(new MemoryStream(Encoding.UTF8.GetBytes($"""
        <?xml version="1.0" encoding="UTF-8"?>
        <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>{Iban}</IBAN></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>
        """)));
}
