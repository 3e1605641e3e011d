namespace ControlPlane.Tests.Platform;

public class ExternalIdsTests
{
    [Fact]
    public void An_id_of_up_to_200_characters_is_stored_as_it_is()
    {
        var id = new string('x', 200);
        Assert.Equal(id, ExternalIds.Stored(id));
        Assert.Equal("", ExternalIds.Stored(""));
    }

    [Fact]
    public void Longer_ids_stay_different_when_they_differ_anywhere()
    {
        string[] ids = [new string('x', 201), new string('x', 202), new string('x', 1_000_000), $"{new string('x', 500)}y", $"y{new string('x', 500)}"];

        Assert.Equal(ids.Length, ids.Select(ExternalIds.Stored).Distinct().Count());
        Assert.All(ids, id => Assert.InRange(ExternalIds.Stored(id).Length, 1, 200));
        Assert.All(ids, id => Assert.Equal(ExternalIds.Stored(id), ExternalIds.Stored(ExternalIds.Stored(id))));
    }

    [Fact]
    public void A_long_id_is_not_cut_within_a_character()
    {
        foreach (var start in (string[])["", "x"])
        {
            var stored = ExternalIds.Stored(start + string.Concat(Enumerable.Repeat("💥", 200)));
            Assert.DoesNotContain(stored.EnumerateRunes(), rune => rune == System.Text.Rune.ReplacementChar);
        }
    }
}
