namespace ControlPlane.Tests.Platform;

public class ProgramPathTests
{
    [Fact]
    public void A_program_is_looked_for_on_PATH_and_never_in_the_working_directory()
    {
        Assert.True(Path.IsPathRooted(ProgramPath.Of("sh")));
        Assert.True(File.Exists(ProgramPath.Of("sh")));

        var here = Path.Combine(Directory.GetCurrentDirectory(), "only-here");
        File.WriteAllText(here, "#!/bin/sh\n");
        Assert.False(File.Exists(ProgramPath.Of("only-here")));
        File.Delete(here);
    }

    [Fact]
    public void A_path_is_taken_as_it_is() => Assert.Equal("/usr/lib/postgresql/17/bin/initdb", ProgramPath.Of("/usr/lib/postgresql/17/bin/initdb"));
}
