using System.Text;
using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>Tells how a response comes about: keeps its body up to date and makes the events of its stream.</summary>
/// <remarks>
/// The same steps give the same events, so that those of a stored response are told again by <see cref="Replay"/>. One thread at a time takes
/// steps; <see cref="Body"/> is readable from any.
/// 1. <see cref="Begin"/>: <c>created</c>, then <c>queued</c> in the background, <c>in_progress</c> else.
/// 2. <see cref="Start"/>, when the prompt has been computed: <c>in_progress</c> in the background.
/// 3. <see cref="Append"/>: before the first text its item and its part, then one <c>delta</c> a piece; and so for each call of a function, when
///    what came before it is done.
/// 4. <see cref="End"/>: the text, the part and the item are done, then <c>completed</c> or <c>incomplete</c>. After a failure <c>error</c>, which
///    helpers of SDKs stop at, and <c>failed</c>. A cancelled response has no event of its own in the protocol: its stream just ends.
/// </remarks>
internal sealed class ResponseNarrator(ResponseBody body, Action<ResponseEvent> tell)
{
    private readonly StringBuilder _text = new();
    private readonly List<ContentLogprob> _logprobs = [];
    private readonly List<ResponseItem> _done = [];
    private volatile ResponseBody _body = body;
    private ResponseItem? _open;
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
        if (delta.Call is { } index) AppendToCall(delta, index);
        else AppendText(delta);
    }

    public void End(ResponseEnding ending)
    {
        // An answer that has ended is a message, if only an empty one.
        var hasEnded = ending.Status is ResponseStatus.Completed or ResponseStatus.Incomplete;
        if (hasEnded && _open is null) AddMessage();
        if (_open is not null) Finish(ending.Status == ResponseStatus.Completed ? ResponseStatus.Completed : ResponseStatus.Incomplete, hasEnded);
        _body = _body with
        {
            Status = ending.Status,
            CompletedAt = ending.CompletedAt,
            Error = ending.Error,
            IncompleteDetails = ending.Details,
            Usage = ending.Usage,
            Output = [.. _done],
        };
        switch (ending.Status)
        {
            case ResponseStatus.Completed or ResponseStatus.Incomplete:
                Tell($"response.{ending.Status}");
                break;
            case ResponseStatus.Failed:
                tell(new ResponseErrorEvent { Type = "error", SequenceNumber = _next++, Code = ending.Error!.Code, Message = ending.Error.Message });
                Tell("response.failed");
                break;
        }
    }

    private void AppendText(ResponseDelta delta)
    {
        if (_open is null) AddMessage();
        _text.Append(delta.Text);
        _logprobs.AddRange(delta.Logprobs ?? []);
        tell(OfItem("response.output_text.delta") with { ContentIndex = 0, Delta = delta.Text, Logprobs = delta.Logprobs ?? [] });
    }

    private void AppendToCall(ResponseDelta delta, int index)
    {
        if (delta.CallId is not null)
        {
            if (_open is not null) Finish(ResponseStatus.Completed, isTold: true);
            _text.Clear();
            Add(new()
            {
                Id = ResponseId.OfCall(_body.Id, index),
                Type = ResponseItem.FunctionCall,
                Status = ResponseStatus.InProgress,
                CallId = delta.CallId,
                Name = delta.Name,
                Arguments = "",
            });
        }

        _text.Append(delta.Text);
        if (delta.Text.Length > 0) tell(OfItem("response.function_call_arguments.delta") with { Delta = delta.Text });
    }

    private void AddMessage()
    {
        Add(new() { Id = ResponseId.OfOutput(_body.Id), Status = ResponseStatus.InProgress, Content = [], Role = "assistant" });
        tell(OfItem("response.content_part.added") with { ContentIndex = 0, Part = ResponseContent.Output("") });
    }

    private void Add(ResponseItem item)
    {
        _open = item;
        tell(Event("response.output_item.added") with { OutputIndex = _done.Count, Item = item });
    }

    /// <summary>Ends the open item; it is told unless the response failed.</summary>
    private void Finish(string status, bool isTold)
    {
        var text = _text.ToString();
        var item = _open! with { Status = status };
        if (item.Type == ResponseItem.FunctionCall)
        {
            item = item with { Arguments = text };
            if (isTold) tell(OfItem("response.function_call_arguments.done") with { Name = item.Name, Arguments = text });
        }
        else
        {
            var part = ResponseContent.Output(text, [.. _logprobs]);
            item = item with { Content = [part] };
            if (isTold)
            {
                tell(OfItem("response.output_text.done") with { ContentIndex = 0, Text = part.Text, Logprobs = part.Logprobs });
                tell(OfItem("response.content_part.done") with { ContentIndex = 0, Part = part });
            }
        }

        if (isTold) tell(Event("response.output_item.done") with { OutputIndex = _done.Count, Item = item });
        _done.Add(item);
        _open = null;
    }

    private void Tell(string type) => tell(Event(type) with { Response = _body });

    private ResponseEvent OfItem(string type) => Event(type) with { ItemId = _open!.Id, OutputIndex = _done.Count };

    private ResponseEvent Event(string type) => new() { Type = type, SequenceNumber = _next++ };
}
