using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Api.Errors;
using Gemma3Server.Catalog;
using Gemma3Server.Hosting;

namespace Gemma3Server.Pool;

/// <summary>Which models can be asked for, and by which names.</summary>
/// <remarks>
/// Thread-safe. The default model and those of <see cref="ModelsSettings.Serve"/> have their ids; every name of the catalog, and any pulled
/// repository, means the configured model of that file, or else the pulled one. Pulled files are looked for at each call: a model that is pulled
/// while the server runs can be asked for at once.
/// </remarks>
internal sealed class ModelDirectory
{
    /// <summary>Every Gemma 3 was trained for at least so many tokens, the larger ones for more.</summary>
    private const int SafeContext = 32_768;

    /// <summary>Names of repositories that are remembered; a part of a file's name is a name, too, so that there is no end of them.</summary>
    private const int MostRemembered = 1000;

    /// <summary>Ids that a refusal lists at most.</summary>
    private const int MostListed = 8;

    private readonly Gemma3ServerOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly ModelCatalog _catalog;
    private readonly ModelStore? _store;
    private readonly List<ServedModel> _configured = [];
    private readonly ConcurrentDictionary<(string Id, string Path), ServedModel> _pulled = [];
    private readonly ConcurrentDictionary<string, string> _repositories = new(StringComparer.Ordinal);

    /// <param name="options">Checked settings; the files of the configured models are there (<see cref="FindFaults"/>).</param>
    /// <param name="timeProvider">Clock.</param>
    public ModelDirectory(Gemma3ServerOptions options, TimeProvider timeProvider)
    {
        (_options, _timeProvider, _catalog) = (options, timeProvider, new(options.Catalog));
        if (options.Models is { ServePulled: true, Effective: { Length: > 0 } folder }) _store = new(folder);
        var served = ServedModel.Of(options, timeProvider);
        _configured.Add(served with { IsPinned = options.Models.PinDefault || IsPinned(served.Id, null) });
        foreach (var (id, settings) in options.Models.Serve)
        {
            var own = settings.Over(options, id);
            var path = NamedModel.Locate(options, own.Model.Path, out _);
            var draft = NamedModel.Locate(options, own.Model.DraftPath, out _);
            _configured.Add(ServedModel.Of(own with { Model = own.Model with { Path = path, DraftPath = draft } }, timeProvider) with { IsPinned = IsPinned(id, null) });
        }
    }

    /// <summary>The model of requests that name none.</summary>
    public ServedModel Default => _configured[0];

    /// <summary>The models that are loaded at the start, the default one first.</summary>
    public IReadOnlyList<ServedModel> AtStart =>
        [.. _options.Models.Preload.Select(name => TryFind(name, out var model, out _) ? model : null).OfType<ServedModel>().Prepend(Default).DistinctBy(model => model.Id)];

    /// <summary>All that can be asked for: the configured ones, the default one first, and those that have been pulled.</summary>
    public IReadOnlyList<ServedModel> All() => [.. _configured, .. Pulled().Where(model => _configured.TrueForAll(own => own.Id != model.Id && !IsSameFile(own, model)))];

    /// <summary>Finds the model of a name; none given means the default one.</summary>
    public bool TryFind(string? name, [NotNullWhen(true)] out ServedModel? model, [NotNullWhen(false)] out OpenAiError? error)
    {
        error = null;
        model = name is null ? Default : _configured.Find(own => own.Id == name) ?? FindPulled(name);
        if (model is not null) return true;
        error = NotFound(name!);
        return false;
    }

    /// <summary>Why the models that the settings name cannot be served: one line for each.</summary>
    public static IEnumerable<string> FindFaults(Gemma3ServerOptions options)
    {
        var defaultId = ServedModel.Of(options, TimeProvider.System).Id;
        foreach (var (id, settings) in options.Models.Serve)
        {
            if (id == defaultId) yield return $"{Gemma3ServerOptions.Section}:Models:Serve:{id} has the id of the default model: give it, or that one, another.";
            var own = settings.Over(options, id).Model;
            foreach (var (name, given) in new[] { (nameof(own.Path), own.Path), (nameof(own.DraftPath), own.DraftPath) })
            {
                if (string.IsNullOrWhiteSpace(given)) continue;
                var path = NamedModel.Locate(options, given, out var fault, name);
                if (fault is null && !File.Exists(path)) fault = $"There is no file '{given}'.";
                if (fault is not null) yield return $"{Gemma3ServerOptions.Section}:Models:Serve:{id}:{name}: {fault}";
            }
        }
    }

    /// <summary>Why a name of <see cref="ModelsSettings.Preload"/> or <see cref="ModelsSettings.Pinned"/> means no model; one line for each.</summary>
    public IEnumerable<string> FindNameFaults()
    {
        foreach (var (key, names) in new[] { (nameof(ModelsSettings.Preload), _options.Models.Preload), (nameof(ModelsSettings.Pinned), _options.Models.Pinned) })
        {
            foreach (var name in names)
                if (!TryFind(name, out _, out var error)) yield return $"{Gemma3ServerOptions.Section}:Models:{key}: {error.Message}";
        }
    }

    private ServedModel? FindPulled(string name)
    {
        if (_store is null || ModelReference.Read(_catalog, name) is not { } reference || Locate(reference) is not { } path) return null;
        return _configured.Find(own => IsFile(own, path)) ?? Pulled(IdOf(reference, path), path, reference.Match?.Entry);
    }

    /// <summary>The file of a name. For a repository that is not in the catalog the whole store is looked through, once.</summary>
    private string? Locate(ModelReference reference)
    {
        if (reference.Match is not null) return reference.Locate(_store!);
        if (_repositories.TryGetValue(reference.Name, out var known) && File.Exists(known)) return known;
        var path = reference.Locate(_store!);
        if (path is not null && _repositories.Count < MostRemembered) _repositories[reference.Name] = path;
        return path;
    }

    private IEnumerable<ServedModel> Pulled()
    {
        if (_store is null) return [];
        var names = _catalog.Entries.Select(entry => entry.Name).Concat(_store.Receipts().Where(receipt => GgufChoice.IsModel(receipt.File)).Select(receipt => $"{receipt.Repository}:{receipt.File}"));
        return names.Select(FindPulled).OfType<ServedModel>().DistinctBy(model => model.Id);
    }

    private ServedModel Pulled(string id, string path, CatalogEntry? entry) => _pulled.GetOrAdd((id, path), _ =>
    {
        var options = _options with
        {
            Model = new() { Id = id, Path = path, ToolFormat = _options.Model.ToolFormat },
            Runtime = _options.Runtime with { ContextLength = Math.Min(_options.Runtime.ContextLength, SafeContext) },
        };
        return ServedModel.Of(options, _timeProvider) with { Aliases = entry?.Name == id ? entry.Aliases : [], IsPinned = IsPinned(id, path) };
    });

    /// <summary>The catalog's name, unless that means another file that has been pulled too; otherwise the repository, with the file where it is one of several.</summary>
    private string IdOf(ModelReference reference, string path)
    {
        if (reference.Match is not { } match)
        {
            // What is in the catalog is called by its name there, however it was asked for.
            var file = $"{reference.Repository}:{Path.GetRelativePath(Path.Combine(_store!.Directory, reference.Repository!), path).Replace(Path.DirectorySeparatorChar, '/')}";
            return _catalog.Find(file) is not null && ModelReference.Read(_catalog, file) is { } known ? IdOf(known, path) : file;
        }

        return match.Source is not { } source || ModelReference.Read(_catalog, match.Entry.Name)!.Locate(_store!) == path
            ? match.Entry.Name
            : match.Entry.Sources[source].Repository;
    }

    private bool IsPinned(string id, string? path) => _options.Models.Pinned.Any(name =>
        name == id || (path is not null && _store is not null && ModelReference.Read(_catalog, name)?.Locate(_store) == path));

    private static bool IsSameFile(ServedModel left, ServedModel right) => IsFile(left, right.Options.Model.Path!);

    private static bool IsFile(ServedModel model, string path) =>
        model.Options.Model.Path is { } own && Path.GetFullPath(own) == Path.GetFullPath(path);

    private OpenAiError NotFound(string name)
    {
        if (_store is not null && _catalog.Find(name) is { } match)
        {
            var size = match.Sources.First().Value.File.Bytes is > 0 and var bytes ? $" ({ByteText.Of(bytes)})" : "";
            return OpenAiError.ModelNotFound($"The model '{Excerpt.Of(name)}'{size} has not been pulled to this server. Get it with: gemma3server pull {match.Entry.Name}");
        }

        var near = _store is null ? [] : _catalog.Near(name);
        if (near.Count > 0) return OpenAiError.ModelNotFound($"The model '{Excerpt.Of(name)}' does not exist here; did you mean {string.Join(" or ", near)}?");
        var ids = All().Select(model => $"'{model.Id}'").ToList();
        var more = ids.Count > MostListed ? $" and {ids.Count - MostListed} more" : "";
        return OpenAiError.ModelNotFound($"The model '{Excerpt.Of(name)}' does not exist here; this server has {string.Join(", ", ids.Take(MostListed))}{more}.");
    }
}
