using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace ControlPlane.DataPlane;

static class Yaml
{
    // Quotes strings that YAML would read as another type ("True", "15"). Names follow the specifications of Compose and LiteLLM.
    static readonly ISerializer Serializer = new SerializerBuilder()
        .WithNamingConvention(UnderscoredNamingConvention.Instance)
        .ConfigureDefaultValuesHandling(DefaultValuesHandling.OmitNull)
        .WithQuotingNecessaryStrings()
        .WithIndentedSequences()
        .DisableAliases()
        .Build();

    public static string Write(object document) => Serializer.Serialize(document).ReplaceLineEndings("\n");
}
