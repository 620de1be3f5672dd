using System.Text;
using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>Tells how a response comes about: keeps its body up to date and makes the events of its stream.</summary>
/// <remarks>
/// The same steps give the same events, so that those of a stored response are told again by <see cref="Replay"/>. One thread at a time takes
/// steps; <see cref="Body"/> is readable from any.
/// 1. <see cref="Begin"/>: <c>created</c>, then <c>queued</c> in the background, <c>in_progress</c> else.
/// 2. <see cref="Start"/>, when the prompt has been computed: <c>in_progress</c> in the background.
/// 3. <see cref="Append"/>: before the first text its item and its part, then one <c>delta</c> a piece.
/// 4. <see cref="End"/>: the text, the part and the item are done, then <c>completed</c> or <c>incomplete</c>. After a failure <c>error</c>, which
///    helpers of SDKs stop at, and <c>failed</c>. A cancelled response has no event of its own in the protocol: its stream just ends.
/// </remarks>
internal sealed class ResponseNarrator(ResponseBody body, Action<ResponseEvent> tell)
{
    private readonly string _itemId = ResponseId.OfOutput(body.Id);
    private readonly StringBuilder _text = new();
    private readonly List<ContentLogprob> _logprobs = [];
    private volatile ResponseBody _body = body;
    private bool _hasItem;
    private int _next;

    /// <summary>The response as it stands.</summary>
    public ResponseBody Body => _body;

    /// <summary>The events of a response that has ended, told again.</summary>
    public static IReadOnlyList<ResponseEvent> Replay(ResponseBody ended, IReadOnlyList<ResponseDelta> deltas)
    {
        var events = new List<ResponseEvent>();
        var initial = ended with
        {
            Status = ended.Background ? ResponseStatus.Queued : ResponseStatus.InProgress,
            CompletedAt = null,
            Error = null,
            IncompleteDetails = null,
            Output = [],
            Usage = null,
        };
        var narrator = new ResponseNarrator(initial, events.Add);
        narrator.Begin();
        if (ended.Usage is not null) narrator.Start();
        foreach (var delta in deltas) narrator.Append(delta);
        narrator.End(ResponseEnding.Of(ended));
        return events;
    }

    public void Begin()
    {
        Tell("response.created");
        Tell(_body.Background ? "response.queued" : "response.in_progress");
    }

    public void Start()
    {
        if (!_body.Background) return;
        _body = _body with { Status = ResponseStatus.InProgress };
        Tell("response.in_progress");
    }

    public void Append(ResponseDelta delta)
    {
        AddItem();
        _text.Append(delta.Text);
        _logprobs.AddRange(delta.Logprobs ?? []);
        tell(Event("response.output_text.delta") with
        {
            ItemId = _itemId,
            OutputIndex = 0,
            ContentIndex = 0,
            Delta = delta.Text,
            Logprobs = delta.Logprobs ?? [],
        });
    }

    public void End(ResponseEnding ending)
    {
        // An answer that has ended is a message, if only an empty one.
        if (ending.Status is ResponseStatus.Completed or ResponseStatus.Incomplete) AddItem();
        _body = _body with
        {
            Status = ending.Status,
            CompletedAt = ending.CompletedAt,
            Error = ending.Error,
            IncompleteDetails = ending.Details,
            Usage = ending.Usage,
            Output = _hasItem ? [Item(ending.Status == ResponseStatus.Completed ? ResponseStatus.Completed : ResponseStatus.Incomplete, Part())] : [],
        };
        switch (ending.Status)
        {
            case ResponseStatus.Completed or ResponseStatus.Incomplete:
                FinishItem(_body.Output[0]);
                Tell($"response.{ending.Status}");
                break;
            case ResponseStatus.Failed:
                tell(new ResponseErrorEvent { Type = "error", SequenceNumber = _next++, Code = ending.Error!.Code, Message = ending.Error.Message });
                Tell("response.failed");
                break;
        }
    }

    private void AddItem()
    {
        if (_hasItem) return;
        _hasItem = true;
        tell(Event("response.output_item.added") with { OutputIndex = 0, Item = Item(ResponseStatus.InProgress) });
        tell(Event("response.content_part.added") with
        {
            ItemId = _itemId,
            OutputIndex = 0,
            ContentIndex = 0,
            Part = ResponseContent.Output(""),
        });
    }

    private void FinishItem(ResponseItem item)
    {
        var part = item.Content[0];
        tell(Event("response.output_text.done") with
        {
            ItemId = _itemId,
            OutputIndex = 0,
            ContentIndex = 0,
            Text = part.Text,
            Logprobs = part.Logprobs,
        });
        tell(Event("response.content_part.done") with { ItemId = _itemId, OutputIndex = 0, ContentIndex = 0, Part = part });
        tell(Event("response.output_item.done") with { OutputIndex = 0, Item = item });
    }

    private ResponseItem Item(string status, params ResponseContent[] content) =>
        new() { Id = _itemId, Status = status, Content = content, Role = "assistant" };

    private ResponseContent Part() => ResponseContent.Output(_text.ToString(), [.. _logprobs]);

    private void Tell(string type) => tell(Event(type) with { Response = _body });

    private ResponseEvent Event(string type) => new() { Type = type, SequenceNumber = _next++ };
}
