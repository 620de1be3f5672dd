namespace Gemma3Pocket.Curriculum.Tools;

/// <summary>The tools that lessons declare.</summary>
internal static class ToolFamilies
{
    public static IReadOnlyList<ToolFamily> All { get; } =
    [
        new ToolFamily
        {
            Names = ["get_weather", "weather", "current_weather"],
            Descriptions = ["Weather of a city", "Get the weather", "Get the current weather"],
            Parameters = [new ToolParameter("city", "city", "location", "place")],
            Questions = ["What is the weather in {0}?", "How is the weather in {0}?", "Is it warm in {0}?", "Do I need a coat in {0}?", "Tell me the weather of {0}.", "What is the weather like in {0}?"],
            Results = [("temperature", "degrees"), ("sky", "sky")],
            Sentence = "It is {1} degrees and {2} in {0}.",
        },
        new ToolFamily
        {
            Names = ["get_time", "clock", "current_time"],
            Descriptions = ["Time in a city", "Get the local time", "Get the time"],
            Parameters = [new ToolParameter("city", "city", "location", "place")],
            Questions = ["What time is it in {0}?", "Tell me the time in {0}.", "How late is it in {0}?", "What is the time in {0}?"],
            Results = [("time", "time")],
            Sentence = "It is {1} in {0}.",
        },
        new ToolFamily
        {
            Names = ["set_timer", "start_timer", "timer"],
            Descriptions = ["Start a timer", "Set a timer"],
            Parameters = [new ToolParameter("small", "minutes", "duration")],
            Questions = ["Set a timer for {0} minutes.", "Start a timer of {0} minutes.", "Tell me when {0} minutes are over.", "Timer, {0} minutes, please."],
            Results = [("ends", "time")],
            Sentence = "The timer of {0} minutes ends at {1}.",
        },
        new ToolFamily
        {
            Names = ["set_alarm", "alarm", "wake_up"],
            Descriptions = ["Set an alarm", "Wake the user"],
            Parameters = [new ToolParameter("time", "time", "at")],
            Questions = ["Wake me at {0}.", "Set an alarm for {0}.", "I must get up at {0}.", "Alarm at {0}, please."],
            Results = [("alarm", "state")],
            Sentence = "The alarm at {0} is {1}.",
        },
        new ToolFamily
        {
            Names = ["send_message", "send_text", "message"],
            Descriptions = ["Send a message", "Send a text to a person"],
            Parameters = [new ToolParameter("person", "to", "name", "person"), new ToolParameter("message", "text", "message")],
            Questions = ["Tell {0}: {1}", "Send {0} the message: {1}", "Write to {0}: {1}", "Send a message to {0}: {1}"],
            Results = [("sent", "time")],
            Sentence = "The message to {0} was sent at {2}.",
        },
        new ToolFamily
        {
            Names = ["convert_currency", "convert_money", "exchange"],
            Descriptions = ["Convert money", "Convert between currencies"],
            Parameters = [new ToolParameter("number", "amount", "value"), new ToolParameter("currency", "from", "source"), new ToolParameter("currency", "to", "target")],
            Questions = ["Convert {0} {1} to {2}.", "How many {2} are {0} {1}?", "What are {0} {1} in {2}?", "Change {0} {1} into {2}."],
            Results = [("result", "large")],
            Sentence = "{0} {1} are {3} {2}.",
        },
        new ToolFamily
        {
            Names = ["get_stock_price", "stock_price", "stock"],
            Descriptions = ["Price of a stock", "Get a stock price"],
            Parameters = [new ToolParameter("symbol", "symbol", "ticker")],
            Questions = ["What is the price of the stock {0}?", "How much is {0} stock?", "Price of {0} stock?", "Tell me the stock price of {0}."],
            Results = [("price", "large")],
            Sentence = "The stock {0} costs {1} dollars.",
        },
        new ToolFamily
        {
            Names = ["play_song", "play_music", "play"],
            Descriptions = ["Play a song", "Play music"],
            Parameters = [new ToolParameter("song", "title", "song")],
            Questions = ["Play the song {0}.", "Play {0}.", "I want to hear {0}.", "Can you play {0}?"],
            Results = [("minutes", "small")],
            Sentence = "Now playing {0}, {1} minutes long.",
        },
        new ToolFamily
        {
            Names = ["set_light", "switch_light", "light"],
            Descriptions = ["Switch a light", "Turn a light on or off"],
            Parameters = [new ToolParameter("room", "room", "place"), new ToolParameter("state", "state", "power")],
            Questions = ["Turn {1} the light in the {0}.", "Switch the light in the {0} {1}.", "Light {1} in the {0}, please.", "Turn the {0} light {1}."],
            Results = [("light", "state")],
            Sentence = "The light in the {0} is {2}.",
        },
        new ToolFamily
        {
            Names = ["find_flight", "search_flights", "flights"],
            Descriptions = ["Find a flight", "Search flights"],
            Parameters = [new ToolParameter("city", "from", "origin"), new ToolParameter("city", "to", "destination")],
            Questions = ["Find a flight from {0} to {1}.", "I want to fly from {0} to {1}.", "Is there a flight from {0} to {1}?", "Which flight goes to {1} from {0}?"],
            Results = [("flight", "flight"), ("time", "time")],
            Sentence = "Flight {2} from {0} to {1} leaves at {3}.",
        },
        new ToolFamily
        {
            Names = ["add_event", "create_event", "calendar"],
            Descriptions = ["Add an event", "Add an event to the calendar"],
            Parameters = [new ToolParameter("title", "title", "event"), new ToolParameter("day", "day", "date")],
            Questions = ["Put a {0} on {1}.", "Add a {0} on {1}.", "I have a {0} on {1}.", "Plan a {0} for {1}."],
            Results = [("time", "time")],
            Sentence = "The {0} is on {1} at {2}.",
        },
        new ToolFamily
        {
            Names = ["get_distance", "distance", "route"],
            Descriptions = ["Distance of two cities", "Get the distance"],
            Parameters = [new ToolParameter("city", "from", "start"), new ToolParameter("city", "to", "end")],
            Questions = ["How far is it from {0} to {1}?", "What is the distance from {0} to {1}?", "How many kilometers from {0} to {1}?", "How far is {1} from {0}?"],
            Results = [("kilometers", "large")],
            Sentence = "It is {2} kilometers from {0} to {1}.",
        },
        new ToolFamily
        {
            Names = ["roll_dice", "roll", "dice"],
            Descriptions = ["Roll a die", "Roll a random number"],
            Parameters = [new ToolParameter("small", "sides", "faces")],
            Questions = ["Roll a die with {0} sides.", "Throw a die of {0} sides.", "Roll a {0} sided die.", "Roll from 1 to {0}."],
            Results = [("result", "small")],
            Sentence = "The die shows {1}.",
        },
        new ToolFamily
        {
            Names = ["add_to_list", "buy_item", "shopping_list"],
            Descriptions = ["Add to the shopping list", "Buy an item"],
            Parameters = [new ToolParameter("item", "item", "product"), new ToolParameter("small", "count", "quantity")],
            Questions = ["Put {1} x {0} on the shopping list.", "I need {0}, {1} pieces.", "Buy {1} x {0}.", "Add {0} to my list, {1} times."],
            Results = [("items", "small")],
            Sentence = "Added {0}; the list has {2} items.",
        },
    ];
}
