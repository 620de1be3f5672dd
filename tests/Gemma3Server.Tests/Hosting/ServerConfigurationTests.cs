using Gemma3Server.Hosting;

namespace Gemma3Server.Tests.Hosting;

public sealed class ServerConfigurationTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Theory]
    [InlineData("auto")]
    [InlineData("AUTO")]
    [InlineData(null)]
    public void Read_Auto_IsTheNumberThatLeavesItToThePlanner(string? value)
    {
        File.WriteAllText(_file, "{}");
        (string, string)[] flags = value is null ? [] : [("Gemma3:Runtime:Parallel", value), ("Gemma3:Runtime:ContextLength", value), ("Gemma3:Runtime:GpuLayers", value)];
        var (options, faults) = Read([], flags);
        Assert.Empty(faults);
        Assert.Equal((0, 0, -1), (options.Runtime.Parallel, options.Runtime.ContextLength, options.Runtime.GpuLayers));
    }

    [Theory]
    [InlineData("auto", null)]
    [InlineData("true", true)]
    [InlineData("false", false)]
    [InlineData(null, null)]
    public void Read_SharedCells_AreLeftToThePlannerOrSaid(string? value, bool? expected)
    {
        File.WriteAllText(_file, "{}");
        var (options, faults) = Read([], value is null ? [] : [("Gemma3:Runtime:SharedCells", value)]);
        Assert.Empty(faults);
        Assert.Equal(expected, options.Runtime.SharedCells);
    }

    /// <summary>What a model says counts, auto too; what it does not say is as for the server.</summary>
    [Theory]
    [InlineData("auto", true, null)]
    [InlineData("true", false, true)]
    [InlineData("False", true, false)]
    [InlineData(null, true, true)]
    [InlineData(null, null, null)]
    public void Read_SharedCellsOfAModel_AreLaidOverTheServers(string? own, bool? server, bool? expected)
    {
        File.WriteAllText(_file, "{}");
        (string, string)[] flags = [("Gemma3:Models:Serve:small:Path", "1b"), ("Gemma3:Runtime:SharedCells", server?.ToString() ?? "auto")];
        var (options, faults) = Read([], own is null ? flags : [.. flags, ("Gemma3:Models:Serve:small:SharedCells", own)]);
        Assert.Empty(faults);
        Assert.Equal(expected, options.Models.Serve["small"].Over(options, "small").Runtime.SharedCells);
    }

    [Fact]
    public void Read_SharedCellsOfAnotherWord_AreRefused()
    {
        File.WriteAllText(_file, "{}");
        Assert.Contains("must be auto, true or false, but is 'maybe'", Assert.Single(Read([], ("Gemma3:Runtime:SharedCells", "maybe")).Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AutoWhereNothingIsLeftOpen_IsRefused()
    {
        File.WriteAllText(_file, "{}");
        Assert.Contains("must be a whole number, but is 'auto'", Assert.Single(Read([], ("Gemma3:Http:Port", "auto")).Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Create_KeysInFileAndFlags_HasThoseOfTheFlagsOnly()
    {
        File.WriteAllText(_file, """{"Gemma3":{"Http":{"ApiKeys":["old-1","old-2"],"CorsOrigins":["https://a.example"]}}}""");
        var (options, faults) = Read([], ("Gemma3:Http:ApiKeys:0", "new"));
        Assert.Empty(faults);
        Assert.Equal(["new"], options.Http.ApiKeys);
        Assert.Equal(["https://a.example"], options.Http.CorsOrigins);
    }

    [Fact]
    public void Create_KeysInFile_AreAllTaken()
    {
        File.WriteAllText(_file, """{"Gemma3":{"Http":{"ApiKeys":["one","two"]}}}""");
        Assert.Equal(["one", "two"], Read([]).Options.Http.ApiKeys);
    }

    [Fact]
    public void Create_CommandDefaults_StandAboveShippedSettingsAndBelowAllOthers()
    {
        (string, string)[] defaults = [("Gemma3:Engine:QueueLimit", "7"), ("Gemma3:Runtime:Threads", "7"), ("Gemma3:Runtime:Parallel", "7")];
        File.WriteAllText(_file, """{"Gemma3":{"Runtime":{"Threads":8}}}""");
        var (options, _) = Read(defaults, ("Gemma3:Runtime:Parallel", "9"));

        // appsettings.json lies beside the program and has a value for each.
        Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "appsettings.json")));
        Assert.Equal((7, 8, 9), (options.Engine.QueueLimit, options.Runtime.Threads, options.Runtime.Parallel));
    }

    [Theory]
    [InlineData("{\n  \"Gemma3\": oops\n}", "is not valid JSON at line 2, position 13: 'o' is an invalid start of a value.")]
    [InlineData("[]", "cannot be used: ")]
    [InlineData("", "is not valid JSON at line 1, position 1: ")]
    public void Create_MalformedFile_SaysWhereInOneLine(string content, string reason)
    {
        File.WriteAllText(_file, content);
        var exception = Assert.Throws<SettingsFileException>(() => Read([]));
        Assert.StartsWith($"The settings file '{_file}' {reason}", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    public void Dispose() => File.Delete(_file);

    private (Gemma3ServerOptions Options, IReadOnlyList<string> Faults) Read(
        (string Key, string Value)[] defaults, params (string Key, string Value)[] flags) =>
        SettingsReader.Read(ServerConfiguration.Create(_file, Pairs(defaults), Pairs(flags)));

    private static IEnumerable<KeyValuePair<string, string?>> Pairs((string Key, string Value)[] settings) =>
        settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value));
}
