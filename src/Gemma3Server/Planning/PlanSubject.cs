using Gemma3Server.Catalog;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Planning;

namespace Gemma3Server.Planning;

/// <summary>A model that is planned: from its file where that is here, otherwise from the published shape that its name means.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Source">Source in the catalog.</param>
/// <param name="Here">Whether the file was read.</param>
/// <param name="Footprint">What it takes.</param>
internal sealed record PlanSubject(string Name, string? Source, bool Here, ModelFootprint Footprint)
{
    /// <summary>Settings of its own, where it is one of several that are served; null = the server's.</summary>
    public RuntimeSettings? Runtime { get; private init; }

    /// <summary>Path or name of the model that drafts for it by the settings; null = none.</summary>
    public string? Draft { get; private init; }

    /// <summary>What the model takes that drafts for it; null = there is none.</summary>
    /// <exception cref="PlanFault">It is not there, or it is not known what it takes.</exception>
    public ModelFootprint? FindDraft(Gemma3ServerOptions options, PlanWishes wishes)
    {
        var name = wishes.Draft ?? Draft;
        if (string.IsNullOrWhiteSpace(name)) return null;
        try
        {
            return Find(options, new() { Model = name, AllowsFiles = true }).Footprint;
        }
        catch (PlanFault fault)
        {
            throw new PlanFault("draft", fault.Problem.TrimEnd('.'));
        }
    }

    /// <summary>The model that a wish names.</summary>
    /// <exception cref="PlanFault">There is none, or it is not known what it takes.</exception>
    public static PlanSubject Find(Gemma3ServerOptions options, PlanWishes wishes)
    {
        if (wishes.Shape is { } published)
            return GemmaShape.TryGet(published, out var shape) ? new(published, null, Here: false, ModelFootprint.Of(shape)) : throw new PlanFault("shape", $"must be one of {string.Join(", ", GemmaShape.Names)}, but is '{published}'");
        var name = wishes.Model!;
        if (wishes.AllowsFiles && (File.Exists(name) || Directory.Exists(name))) return Read(Path.GetFileName(name), null, name);
        if (options.Model.Path is { Length: > 0 } served && File.Exists(served) && name == (string.IsNullOrWhiteSpace(options.Model.Id) ? Path.GetFileNameWithoutExtension(served) : options.Model.Id))
            return Read(name, null, served) with { Draft = options.Model.DraftPath };
        if (options.Models.Serve.TryGetValue(name, out var settings) && settings.Over(options, name) is var own
            && NamedModel.Locate(options, own.Model.Path, out _) is { } file && File.Exists(file))
            return Read(name, null, file) with { Runtime = own.Runtime, Draft = own.Model.DraftPath };
        var catalog = new ModelCatalog(options.Catalog);
        var reference = ModelReference.Read(catalog, name);
        if (reference?.Match is { } match) return Of(options, match, wishes.Source) ?? throw new PlanFault("model", $"'{name}' is of a size that is not published, so what it takes is known only once it is here: gemma3server pull {name}");
        if (reference is not null && options.Models.Effective is { Length: > 0 } folder && reference.Locate(new(folder)) is { } path) return Read(name, null, path);
        var known = catalog.Near(name) is { Count: > 0 } near ? $"; did you mean {string.Join(" or ", near)}?" : $"; known are {string.Join(", ", catalog.Entries.Select(entry => entry.Name))}";
        throw new PlanFault("model", $"'{name}' is {(wishes.AllowsFiles ? "no file and " : "")}no model that is known or has been pulled{known}");
    }

    /// <summary>All models of the catalog of which it is known what they take, the smallest first.</summary>
    public static IReadOnlyList<PlanSubject> All(Gemma3ServerOptions options, string? source) =>
        [.. new ModelCatalog(options.Catalog).Entries
            .Where(entry => source is null || entry.Sources.Keys.Contains(source, StringComparer.OrdinalIgnoreCase))
            .Select(entry => Of(options, new(entry, null), source)).OfType<PlanSubject>().OrderBy(subject => subject.Footprint.LayerBytes)];

    private static PlanSubject? Of(Gemma3ServerOptions options, CatalogMatch match, string? wanted)
    {
        var entry = match.Entry;
        var sources = match.Sources.Where(source => wanted is null || source.Key.Equals(wanted, StringComparison.OrdinalIgnoreCase)).ToList();
        if (sources.Count == 0) throw new PlanFault("source", $"'{wanted}' is none of {entry.Name}: it has {string.Join(", ", entry.Sources.Keys)}");
        if (options.Models.Effective is { Length: > 0 } folder)
        {
            var store = new ModelStore(folder);
            foreach (var (key, source) in sources)
            {
                if (store.Has(source.Repository, source.File.Path)) return Read(entry.Name, key, store.PathOf(source.Repository, source.File.Path));
            }
        }

        if (!GemmaShape.TryGet(entry.Name, out var shape)) return null;
        var (chosen, file) = (sources[0].Key, sources[0].Value.File);

        // The sources differ in the embeddings: Google's have 16 bits, the others 8.
        var (small, large) = (ModelFootprint.Of(shape), ModelFootprint.Of(shape with { EmbeddingType = shape.InHalfPrecision().EmbeddingType }));
        var isLarge = file.Bytes > 0 && Math.Abs(file.Bytes - large.WeightBytes) < Math.Abs(file.Bytes - small.WeightBytes);
        return new(entry.Name, chosen, Here: false, isLarge ? large : small);
    }

    private static PlanSubject Read(string name, string? source, string path) => CompositionRoot.TryReadFootprint(path, out var footprint, out var fault)
        ? new(name, source, Here: true, footprint)
        : throw new PlanFault("model", $"cannot be planned: {fault.TrimEnd('.')}");
}
