using Gemma3Server.Catalog;
using Gemma3Server.Hosting;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.Configuration;

namespace Gemma3Server.Tests.Catalog;

/// <summary>The catalog as it is shipped.</summary>
public sealed class ModelCatalogTests
{
    private static readonly ModelCatalog Shipped = new(Read().Options.Catalog);

    [Fact]
    public void Shipped_Names_AreTheFiveSizesInOrder() => Assert.Equal(["270m", "1b", "4b", "12b", "27b"], Shipped.Entries.Select(entry => entry.Name));

    [Theory]
    [InlineData("27b", "27b", null)]
    [InlineData("gemma3:27b", "27b", null)]
    [InlineData(" Gemma3:270M ", "270m", null)]
    [InlineData("google/gemma-3-27b-it-qat-q4_0-gguf", "27b", "google")]
    [InlineData("ggml-org/gemma-3-4b-it-qat-GGUF", "4b", "ggml-org")]
    [InlineData("gemma-3-12b-it-q4_0.gguf", "12b", "google")]
    [InlineData("gemma-3-12b-it-qat-Q4_0", "12b", "ggml-org")]
    public void Find_NameAliasRepositoryOrFile_IsTheModel(string name, string model, string? source)
    {
        var match = Shipped.Find(name)!;
        Assert.Equal((model, source), (match.Entry.Name, match.Source));
    }

    [Theory]
    [InlineData("72b", "12b 27b")]
    [InlineData("gemma-3-4bit", "gemma-3-4b")]
    [InlineData("llama", "")]
    public void Near_Misspelt_IsFound(string name, string expected)
    {
        Assert.Null(Shipped.Find(name));
        var near = Shipped.Near(name);
        if (expected.Length == 0) Assert.Empty(near);
        else Assert.All(expected.Split(' '), found => Assert.Contains(found, near));
    }

    [Fact]
    public void Shipped_Entries_HaveWhatIsKnownOfTheFiles()
    {
        Assert.All(Shipped.Entries, entry =>
        {
            Assert.Contains(entry.Sources, source => source.Key == "ggml-org" && !source.Value.Gated);
            Assert.All(entry.Sources, source => Assert.True(source.Value.File.Bytes > 0));
            Assert.All(entry.Sources, source => Assert.Equal(entry.Name is "4b" or "12b" or "27b", source.Value.Projector is not null));
            Assert.All(entry.Drafts, draft => Assert.True(Shipped.Find(draft)!.Entry.Bytes < entry.Bytes));
            Assert.NotEmpty(entry.LicencePage);
        });
        Assert.Equal(17_229_630_496, Shipped.Find("27b")!.Entry.Bytes);
        Assert.StartsWith("548d816c", Shipped.Find("27b")!.Entry.Sources["ggml-org"].File.Sha256, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FaultyCatalog_ReportsEveryFault()
    {
        var (_, faults) = Read(
            ("Catalog:27b:Source", "nobody"), ("Catalog:27b:Sources:google:Repository", "../up"), ("Catalog:27b:Sources:google:Revision", "a b"),
            ("Catalog:27b:Sources:google:File:Path", "../x.gguf"), ("Catalog:27b:Sources:google:File:Bytes", "-1"),
            ("Catalog:27b:Sources:google:File:Sha256", "abc"), ("Catalog:27b:Drafts:0", "2b"), ("Catalog:27b:Aliases:0", "gemma3:4b"));
        Assert.Equal(8, faults.Count);
        Assert.Contains("Gemma3:Catalog:27b:Source must be one of its Sources (ggml-org, google), but is 'nobody'.", faults);
        Assert.Contains("Gemma3:Catalog:27b:Sources:google:Repository must be OWNER/NAME, but is '../up'.", faults);
        Assert.Contains("Gemma3:Catalog:4b:Aliases must be unique, but 'gemma3:4b' is a name of '27b' too.", faults);
    }

    [Fact]
    public void Read_WrongKeysAndTypes_AreNamed()
    {
        var (_, faults) = Read(("Catalog:27b:Surces", "x"), ("Catalog:9b", "x"), ("Catalog:27b:Sources:google:File:Bytes", "many"), ("Catalog:27b:Name", "x"));
        Assert.Contains("Gemma3:Catalog:27b:Surces is unknown; known here: Aliases, Licence, LicencePage, Source, Sources, Drafts.", faults);
        Assert.Contains("Gemma3:Catalog:9b is a section, not a value.", faults);
        Assert.Contains("Gemma3:Catalog:27b:Sources:google:File:Bytes must be a whole number, but is 'many'.", faults);
        Assert.Contains(faults, fault => fault.StartsWith("Gemma3:Catalog:27b:Name is unknown", StringComparison.Ordinal));
    }

    [Fact]
    public void Create_EntryInASettingsFile_AddsToTheCatalogAndReplacesLists()
    {
        var flags = new Dictionary<string, string?>
        {
            ["Gemma3:Catalog:mine:Source"] = "home",
            ["Gemma3:Catalog:mine:Sources:home:Repository"] = "me/mine",
            ["Gemma3:Catalog:mine:Sources:home:File:Path"] = "mine.gguf",
            ["Gemma3:Catalog:27b:Aliases:0"] = "big",
        };
        var (options, faults) = SettingsReader.Read(ServerConfiguration.Create(null, [], flags));
        Assert.Empty(faults);
        Assert.Equal("me/mine", options.Catalog["mine"].Sources["home"].Repository);
        Assert.Equal(["big"], options.Catalog["27b"].Aliases);
        Assert.Equal(6, options.Catalog.Count);
    }

    private static (Gemma3ServerOptions Options, IReadOnlyList<string> Faults) Read(params (string Key, string Value)[] settings) =>
        SettingsReader.Read(new ConfigurationBuilder().AddJsonFile(Path.Combine(Repository.Root, "appsettings.json"))
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("Gemma3:" + s.Key, (string?)s.Value))).Build());
}
