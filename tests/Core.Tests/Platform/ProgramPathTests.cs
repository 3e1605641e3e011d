namespace ControlPlane.Tests.Platform;

public class ProgramPathTests
{
    [Fact]
    public void Programs_are_found_on_PATH_and_never_in_the_working_directory()
    {
        Assert.True(Path.IsPathRooted(ProgramPath.Of("sh")));
        Assert.True(File.Exists(ProgramPath.Of("sh")));

        var local = Path.Combine(Directory.GetCurrentDirectory(), "local-program");
        File.WriteAllText(local, "#!/bin/sh\n");
        Assert.False(File.Exists(ProgramPath.Of("local-program")));
        File.Delete(local);
    }

    [Fact]
    public void A_path_is_returned_unchanged() => Assert.Equal("/usr/lib/postgresql/17/bin/initdb", ProgramPath.Of("/usr/lib/postgresql/17/bin/initdb"));
}
